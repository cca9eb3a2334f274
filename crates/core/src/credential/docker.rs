//! Pull credentials for Docker Hub, held against what a kubelet does with them (kubernetes, pkg/credentialprovider).

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

/// Why a text is no use as pull credentials for Docker Hub. Nothing of it is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerConfigError {
    /// Not JSON.
    #[error("is no Docker configuration: it is not JSON")]
    NotJson,
    /// No object `auths` in it.
    #[error("is no Docker configuration: it has no object `auths`")]
    NoAuths,
    /// Only other registries.
    #[error("has no entry for Docker Hub: the key in `auths` is https://index.docker.io/v1/")]
    OtherRegistries,
    /// An entry without a user and a password, as `docker login` leaves it where a credential helper keeps them.
    #[error(
        "has an entry for Docker Hub without user and password: where a credential helper keeps them (`credsStore`), the file \
         does not hold them"
    )]
    NoLogin,
}

/// Holds the value of a Secret's key against the Secret's type, where that is pull credentials.
pub(super) fn check(secret: &Value, key: &str, text: &str) -> Result<(), DockerConfigError> {
    let kind = secret.get("type").and_then(Value::as_str);
    if kind != Some("kubernetes.io/dockerconfigjson") || key != ".dockerconfigjson" {
        return Ok(());
    }
    let config: Value = serde_json::from_str(text).map_err(|_| DockerConfigError::NotJson)?;
    let auths = config.get("auths").and_then(Value::as_object);
    let auths = auths.ok_or(DockerConfigError::NoAuths)?;
    let mut entries = auths
        .iter()
        .filter(|(registry, _)| is_docker_hub(registry))
        .map(|(_, entry)| entry)
        .peekable();
    if entries.peek().is_none() {
        Err(DockerConfigError::OtherRegistries)
    } else if entries.any(has_login) {
        Ok(())
    } else {
        Err(DockerConfigError::NoLogin)
    }
}

/// The keys under which a kubelet looks for the credentials of an image of Docker Hub. It takes the registry's version
/// of the API away only with a slash behind it.
fn is_docker_hub(registry: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| registry.strip_prefix(scheme))
        .unwrap_or(registry);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    matches!(host, "index.docker.io" | "docker.io") && matches!(path, "" | "v1/" | "v2/")
}

fn has_login(entry: &Value) -> bool {
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let both = |user: &str, password: &str| !user.is_empty() && !password.is_empty();
    match text("auth") {
        "" => both(text("username"), text("password")),
        auth => {
            let decoded = STANDARD_NO_PAD.decode(auth.trim_end_matches('='));
            let decoded = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.is_some_and(|login| {
                login
                    .split_once(':')
                    .is_some_and(|(user, password)| both(user, password))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    fn checked(config: &str) -> Result<(), DockerConfigError> {
        let secret = json!({"type": "kubernetes.io/dockerconfigjson"});
        check(&secret, ".dockerconfigjson", config)
    }

    #[test]
    fn a_login_of_docker_hub_is_one_under_each_of_its_names() {
        let auth = STANDARD.encode("me:pass:word");
        for registry in [
            "https://index.docker.io/v1/",
            "http://index.docker.io/v2/",
            "https://index.docker.io",
            "index.docker.io",
            "docker.io",
            "https://docker.io/",
        ] {
            for entry in [
                json!({"auth": auth}),
                json!({"auth": auth.trim_end_matches('=')}),
                json!({"username": "me", "password": "word"}),
            ] {
                let config = json!({"auths": {registry: entry, "other.example.com": {}}});
                assert_eq!(checked(&config.to_string()), Ok(()), "{config}");
            }
        }
    }

    #[test]
    fn what_a_kubelet_could_not_use_is_named() {
        let with = |registry: &str, entry: Value| json!({"auths": {registry: entry}}).to_string();
        let login = || json!({"username": "me", "password": "word"});
        let hub = "https://index.docker.io/v1/";
        for (config, problem) in [
            ("hunter2".to_owned(), DockerConfigError::NotJson),
            (String::new(), DockerConfigError::NotJson),
            ("[]".to_owned(), DockerConfigError::NoAuths),
            ("{\"auths\": []}".to_owned(), DockerConfigError::NoAuths),
            (
                "{\"auths\": {}}".to_owned(),
                DockerConfigError::OtherRegistries,
            ),
            (with("quay.io", login()), DockerConfigError::OtherRegistries),
            (
                with("registry-1.docker.io", login()),
                DockerConfigError::OtherRegistries,
            ),
            (
                with("https://index.docker.io/v1", login()),
                DockerConfigError::OtherRegistries,
            ),
            (
                with("docker.io.example.com", login()),
                DockerConfigError::OtherRegistries,
            ),
            (
                with("docker.io/team", login()),
                DockerConfigError::OtherRegistries,
            ),
            (with(hub, json!({})), DockerConfigError::NoLogin),
            (with(hub, json!("me:word")), DockerConfigError::NoLogin),
            (
                with(hub, json!({"username": "me"})),
                DockerConfigError::NoLogin,
            ),
            (
                with(hub, json!({"auth": "%%%"})),
                DockerConfigError::NoLogin,
            ),
            (
                with(hub, json!({"auth": STANDARD.encode("me")})),
                DockerConfigError::NoLogin,
            ),
            (
                with(hub, json!({"auth": STANDARD.encode(":word")})),
                DockerConfigError::NoLogin,
            ),
        ] {
            assert_eq!(checked(&config), Err(problem), "{config}");
            assert!(!problem.to_string().contains("word\""));
        }
    }

    #[test]
    fn other_types_and_keys_hold_what_they_like() {
        for kind in [json!("Opaque"), Value::Null] {
            assert_eq!(
                check(&json!({"type": kind}), ".dockerconfigjson", "x"),
                Ok(())
            );
        }
        let secret = json!({"type": "kubernetes.io/dockerconfigjson"});
        assert_eq!(check(&secret, "other", "x"), Ok(()));
    }
}
