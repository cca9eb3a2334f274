//! The manifest as one run has it: in one namespace, with the settings' names.

use serde_json::Value;

use super::Manifest;
use crate::credential::Credentials;
use crate::kinds;
use crate::settings::SettingsError;

/// The setting that a rule's name stands for: `pullSecret` of `{pullSecret}`.
pub(super) fn setting_of(name: &str) -> Option<&str> {
    name.strip_prefix('{')?.strip_suffix('}')
}

/// Whether the API server takes it as a name: a DNS subdomain. An address that ends without a name is a list.
pub(super) fn is_object_name(name: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty()
            && part.bytes().all(plain)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

impl Manifest {
    /// The manifest with the reads that go through all namespaces kept to one. Cluster-scoped kinds, and kinds of which
    /// only a server knows whether they are, stay as they are.
    pub fn within(&self, namespace: &str) -> Self {
        let mut narrowed = self.clone();
        for rule in &mut narrowed.spec.reads {
            let kind = kinds::lookup(&rule.api_version, &rule.kind);
            if rule.namespaces.is_empty() && kind.is_some_and(|kind| kind.namespaced) {
                rule.namespaces = vec![namespace.to_owned()];
            }
        }
        narrowed
    }

    /// The manifest with the names that are settings as `settings` have them.
    ///
    /// # Errors
    /// A setting that holds no name.
    pub fn with(&self, settings: &Value) -> Result<Self, SettingsError> {
        let mut named = self.clone();
        for name in named.spec.reads.iter_mut().flat_map(|rule| &mut rule.names) {
            let Some(setting) = setting_of(name) else {
                continue;
            };
            let value = settings.get(setting).and_then(Value::as_str);
            let value = value.unwrap_or_default().to_owned();
            if !is_object_name(&value) {
                return Err(SettingsError::Name {
                    name: setting.to_owned(),
                    value,
                });
            }
            *name = value;
        }
        Ok(named)
    }

    /// The manifest with the names that are settings as they are when nothing is set.
    pub fn by_default(&self) -> Self {
        let settings = self.spec.settings.resolve(&[], &Credentials::default());
        let named = settings.and_then(|settings| self.with(&settings));
        // That the defaults are names is checked when a manifest is read.
        named.unwrap_or_else(|_| self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MINIMAL: &str = "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: a, ko: 가}, cause: {en: b, ko: 나}}
  reads: [{apiVersion: apps/v1, kind: Deployment, fields: [/spec]}]
  messages: {}
";

    #[test]
    fn one_namespace_is_for_reads_that_name_none() {
        let manifest = Manifest::from_yaml(&MINIMAL.replace(
            "reads: [",
            "reads: [{apiVersion: v1, kind: Node, fields: []}, {apiVersion: v1, kind: Pod, namespaces: [b], fields: []}, ",
        ));
        let narrowed = manifest.unwrap().within("a");
        let namespaces: Vec<_> = narrowed
            .spec
            .reads
            .iter()
            .map(|rule| rule.namespaces.join(","))
            .collect();
        assert_eq!(namespaces, ["", "b", "a"]);
    }

    const NAMED: &str = "
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: a, ko: 가}, cause: {en: b, ko: 나}}
  secrets: keys
  reads: [{apiVersion: v1, kind: Secret, names: [first, '{second}'], asked: true, fields: [/type]}]
  settings: {type: object, properties: {second: {type: string, default: other}}}
  messages: {}
";

    #[test]
    fn a_setting_names_what_is_read() {
        let manifest = Manifest::from_yaml(NAMED).unwrap();
        let names = |manifest: Manifest| manifest.spec.reads[0].names.join(",");
        assert_eq!(names(manifest.by_default()), "first,other");
        let with = |name: &str| manifest.with(&json!({"second": name}));
        assert_eq!(with("my-hub.v1").map(names), Ok("first,my-hub.v1".into()));
        // With no name at all, the address would be that of the list.
        for odd in [
            "",
            "a/b",
            "..",
            "A",
            "-a",
            "a-",
            "a..b",
            "{second}",
            "nks secret",
        ] {
            assert!(with(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_name_that_is_a_setting_is_one_that_there_always_is() {
        for (from, to) in [
            ("{second}", "{third}"),
            ("default: other", "default: Other"),
            (", default: other", ""),
            (
                "type: string, default: other",
                "type: string, format: secret",
            ),
            ("asked: true, ", ""),
            ("names: [first, '{second}'], ", ""),
        ] {
            let said = Manifest::from_yaml(&NAMED.replace(from, to)).unwrap_err();
            assert!(
                said.to_string().contains("spec.reads[0].names"),
                "{to}: {said}"
            );
        }
    }
}
