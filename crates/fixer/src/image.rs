//! Image references, read as Docker and containerd read them.

use std::fmt;

/// An image reference taken apart. Two spellings of the same image are equal: `calico/node:v3` and
/// `index.docker.io/calico/node:v3`.
///
/// The rules are those of `github.com/distribution/reference` (`ParseDockerRef`), but for one: characters are not
/// checked, since a fixer has to look at broken references too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// The registry, with its port: `docker.io`, `registry.example.com:5000`.
    pub host: String,
    /// The repository in it: `calico/node`, `library/nginx`.
    pub path: String,
    /// `v3.24.1`; `None` is not the same as `latest`, which a fixer should not assume.
    pub tag: Option<String>,
    /// `sha256:…`
    pub digest: Option<String>,
}

/// What a reference without a registry means.
const DEFAULT_HOST: &str = "docker.io";

impl Image {
    /// Takes a reference apart. `None` where there is no repository name in it.
    pub fn parse(reference: &str) -> Option<Self> {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (reference, None),
        };
        // A colon before the last slash belongs to a port.
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (rest, tag) = match rest.get(name_start..)?.split_once(':') {
            Some((name, tag)) => (rest.get(..name_start + name.len())?, Some(tag.to_owned())),
            None => (rest, None),
        };
        if rest.is_empty() || rest.ends_with('/') {
            return None;
        }
        let (host, path) = match rest.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path),
            _ => (DEFAULT_HOST, rest),
        };
        let host = if host == "index.docker.io" {
            DEFAULT_HOST
        } else {
            host
        };
        let official = host == DEFAULT_HOST && !path.contains('/');
        let path = if official {
            ["library", path].join("/")
        } else {
            path.to_owned()
        };
        Some(Self {
            host: host.to_owned(),
            path,
            tag: tag.filter(|tag| !tag.is_empty()),
            digest,
        })
    }

    /// The last part of the path: `node` of `calico/node`.
    pub fn basename(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Everything before the last part of the path: `calico` of `calico/node`, empty where there is nothing.
    pub fn directory(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory)
    }

    /// The numbers that the tag begins with, after a `v`: 3, 28 and 2 of `v3.28.2-nks1`. Empty where it begins otherwise.
    pub fn release(&self) -> Vec<u32> {
        let tag = self.tag.as_deref().unwrap_or_default();
        let tag = tag.strip_prefix('v').unwrap_or(tag);
        let numbers = tag.split(['-', '+', '_']).next().unwrap_or_default();
        numbers
            .split('.')
            .map_while(|number| number.parse().ok())
            .collect()
    }

    /// Whether another image may be under the same reference tomorrow: `latest`, said or not.
    pub fn is_moving(&self) -> bool {
        self.digest.is_none() && self.tag.as_deref().is_none_or(|tag| tag == "latest")
    }

    /// Whether both come from the same place: the same registry and the same path but for its last part.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.host == other.host && self.directory() == other.directory()
    }
}

/// What tells `registry.example.com/app` from `calico/node`.
fn is_host(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

impl fmt::Display for Image {
    /// The full form, registry included.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.host)?;
        formatter.write_str("/")?;
        formatter.write_str(&self.path)?;
        if let Some(tag) = &self.tag {
            formatter.write_str(":")?;
            formatter.write_str(tag)?;
        }
        if let Some(digest) = &self.digest {
            formatter.write_str("@")?;
            formatter.write_str(digest)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(reference: &str) -> String {
        Image::parse(reference).unwrap().to_string()
    }

    #[test]
    fn docker_hub_has_many_spellings() {
        for spelling in [
            "calico/node:v3",
            "docker.io/calico/node:v3",
            "index.docker.io/calico/node:v3",
        ] {
            assert_eq!(full(spelling), "docker.io/calico/node:v3");
        }
        assert_eq!(full("nginx"), "docker.io/library/nginx");
        assert_eq!(full("docker.io/nginx:1"), "docker.io/library/nginx:1");
        assert_ne!(
            Image::parse("quay.io/calico/node:v3"),
            Image::parse("calico/node:v3")
        );
    }

    #[test]
    fn hosts_ports_tags_and_digests_are_told_apart() {
        let image = Image::parse("r.example.com:5000/a/b/node:v1@sha256:00").unwrap();
        assert_eq!(
            (image.host.as_str(), image.path.as_str()),
            ("r.example.com:5000", "a/b/node")
        );
        assert_eq!(
            (image.tag.as_deref(), image.digest.as_deref()),
            (Some("v1"), Some("sha256:00"))
        );
        assert_eq!((image.basename(), image.directory()), ("node", "a/b"));
        assert_eq!(full("localhost/x"), "localhost/x");
        assert_eq!(Image::parse("r:5000/x").unwrap().tag, None);
        assert_eq!(Image::parse("r:5000/x").unwrap().directory(), "");
        assert_eq!(Image::parse("x:").unwrap().tag, None);
    }

    #[test]
    fn latest_moves() {
        for (reference, moves) in [
            ("a/b", true),
            ("a/b:latest", true),
            ("a/b:latest@sha256:00", false),
            ("a/b@sha256:00", false),
            ("a/b:1", false),
        ] {
            assert_eq!(
                Image::parse(reference).unwrap().is_moving(),
                moves,
                "{reference}"
            );
        }
    }

    #[test]
    fn a_release_is_read_as_far_as_it_goes() {
        let release = |reference: &str| Image::parse(reference).unwrap().release();
        assert_eq!(release("calico/node:v3.28.2-nks1"), [3, 28, 2]);
        assert_eq!(release("calico/node:3.28-1"), [3, 28]);
        assert_eq!(release("calico/node:v3.x"), [3]);
        for nothing in ["latest", "master-v3.28", "v", "-1", "v-3.28", ""] {
            let reference = ["calico/node:", nothing].concat();
            assert_eq!(release(&reference), [] as [u32; 0], "{nothing}");
        }
    }

    #[test]
    fn broken_references_are_read_as_far_as_they_go() {
        assert_eq!(
            Image::parse("http://r/calico/node:v3").unwrap().basename(),
            "node"
        );
        for nothing in ["", ":v1", "r.example.com/", "@sha256:00", "a/:v1"] {
            assert_eq!(Image::parse(nothing), None, "{nothing}");
        }
    }
}
