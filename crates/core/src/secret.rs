//! Credentials are masked before a fixer, a diff, a journal or a log sees an object.
//!
//! Masked (safety.md, "Secrets"): a Secret's data and stringData, last-applied configurations, env literals that look
//! like credentials, registry auth, and the user part of URLs.

use serde_json::Value;

/// What stands for a masked value.
pub const MASK: &str = "***";

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Masks every credential in an object, in place.
pub fn mask(value: &mut Value) {
    if value.get("kind").and_then(Value::as_str) == Some("Secret") {
        for field in ["data", "stringData"] {
            if let Some(map) = value.get_mut(field).and_then(Value::as_object_mut) {
                map.values_mut()
                    .for_each(|entry| *entry = Value::from(MASK));
            }
        }
    }
    if let Some(annotations) = value
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
        && let Some(applied) = annotations.get_mut(LAST_APPLIED)
    {
        *applied = Value::from(MASK);
    }
    mask_below(value);
}

fn mask_below(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let credential = map
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(names_a_credential);
            if credential && map.get("value").is_some_and(Value::is_string) {
                map.insert("value".into(), Value::from(MASK));
            }
            for (key, entry) in map.iter_mut() {
                if matches!(
                    key.as_str(),
                    ".dockerconfigjson" | ".dockercfg" | "auth" | "password"
                ) && entry.is_string()
                {
                    *entry = Value::from(MASK);
                }
                mask_below(entry);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(mask_below),
        Value::String(text) => {
            if let Some(masked) = without_userinfo(text) {
                *text = masked;
            }
        }
        _ => {}
    }
}

/// Whether a masked copy of `value`, taken as a part of an object, would differ from it. What would is never written to
/// disk.
pub fn holds_credentials(value: &Value) -> bool {
    let mut masked = value.clone();
    mask(&mut masked);
    masked != *value
}

/// Whether an environment variable of this name usually holds a credential.
fn names_a_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "passwd",
        "secret",
        "token",
        "apikey",
        "api_key",
        "credential",
        "private_key",
        "access_key",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// `https://user:pass@host` without its user part, or `None` where there is none.
fn without_userinfo(text: &str) -> Option<String> {
    let scheme = text.find("://")?;
    let rest = &text[scheme + 3..];
    let authority = &rest[..rest.find(['/', '?', '#', ' ', ',']).unwrap_or(rest.len())];
    let at = authority.rfind('@')?;
    Some(format!("{}{MASK}{}", &text[..scheme + 3], &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_listed_is_masked_and_nothing_else() {
        let mut value = json!({
            "kind": "Secret",
            "metadata": {"name": "s", "annotations": {LAST_APPLIED: "{\"data\":1}", "other": "kept"}},
            "data": {"a": "YQ=="}, "stringData": {"b": "x", "n": 5},
            "spec": {"env": [
                {"name": "DB_PASSWORD", "value": "hunter2"},
                {"name": "DB_HOST", "value": "db"},
                {"name": "PROXY", "value": "http://u:p@proxy:3128/x"}]},
        });
        mask(&mut value);
        let shown = value.to_string();
        for secret in ["YQ==", "hunter2", "u:p", "\"x\"", ":5", "data\\\":1"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert_eq!(value.pointer("/spec/env/1/value"), Some(&json!("db")));
        assert_eq!(
            value.pointer("/spec/env/2/value"),
            Some(&json!("http://***@proxy:3128/x"))
        );
        assert_eq!(
            value.pointer("/metadata/annotations/other"),
            Some(&json!("kept"))
        );
    }
}
