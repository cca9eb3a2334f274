//! Which proxy, if any, stands between us and the API server.
//!
//! Decided as Go's `net/http` does (golang.org/x/net/http/httpproxy): the variable goes by the scheme of the API server,
//! and NO_PROXY is held against the API server, not against the proxy. Loopback addresses never use a proxy.

use std::net::IpAddr;

use http::Uri;

use crate::connect::ConnectError;

/// The proxy variables, each in its upper-case form or else its lower-case one.
#[derive(Clone, Default)]
pub struct ProxySettings {
    /// HTTPS_PROXY, for https servers.
    pub https_proxy: Option<String>,
    /// HTTP_PROXY, for http servers.
    pub http_proxy: Option<String>,
    /// NO_PROXY
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    /// The proxy for `server`.
    pub(crate) fn for_server(&self, server: &Uri) -> Result<Option<Uri>, ConnectError> {
        let secure = server.scheme_str() == Some("https");
        let variable = if secure {
            &self.https_proxy
        } else {
            &self.http_proxy
        };
        let Some(proxy) = variable.as_deref().filter(|proxy| !proxy.is_empty()) else {
            return Ok(None);
        };
        let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = server.port_u16().unwrap_or(if secure { 443 } else { 80 });
        if is_excluded(self.no_proxy.as_deref().unwrap_or_default(), host, port) {
            return Ok(None);
        }
        parse(proxy).map(Some)
    }
}

/// A proxy address; without a scheme it is http, as in Go. The address is not shown, because it may hold a password.
pub(crate) fn parse(proxy: &str) -> Result<Uri, ConnectError> {
    let full = if proxy.contains("://") {
        proxy.to_owned()
    } else {
        format!("http://{proxy}")
    };
    full.parse()
        .map_err(|_| ConnectError::Proxy("the proxy's address is not a URL".into()))
}

fn is_excluded(no_proxy: &str, host: &str, port: u16) -> bool {
    let ip: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    no_proxy
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .filter(|entry| !entry.is_empty())
        .any(|entry| excludes(&entry, &host, ip, port))
}

fn excludes(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return contains(network, bits, ip) == Some(true);
    }
    let (entry, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
            (name, digits.parse::<u16>().ok())
        }
        _ => (entry, None),
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let entry = entry.trim_matches(['[', ']']);
    if let Ok(address) = entry.parse::<IpAddr>() {
        return ip == Some(address);
    }
    let suffix = entry.trim_start_matches('*');
    match suffix.strip_prefix('.') {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.')),
        None => {
            host == suffix
                || host
                    .strip_suffix(suffix)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

/// Whether a network in CIDR notation holds an address; `None` when it is no such notation.
fn contains(network: &str, bits: &str, ip: Option<IpAddr>) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    Some(match (network.parse().ok()?, ip?) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            let shift = 32_u32.checked_sub(bits)?;
            u64::from(network.to_bits()) >> shift == u64::from(ip.to_bits()) >> shift
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            let shift = 128_u32.checked_sub(bits)?;
            let cut = |address: u128| address.checked_shr(shift).unwrap_or(0);
            cut(network.to_bits()) == cut(ip.to_bits())
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(server: &str, no_proxy: &str) -> bool {
        let settings = ProxySettings {
            https_proxy: Some("proxy.example:3128".into()),
            http_proxy: None,
            no_proxy: Some(no_proxy.into()),
        };
        let server = server.parse().unwrap();
        settings.for_server(&server).unwrap().is_some()
    }

    #[test]
    fn exclusions_are_about_the_api_server() {
        let server = "https://1f0c2d3e-nks-kr1.container.nhncloud.com:6443";
        assert!(proxied(server, ""));
        assert!(proxied(server, "proxy.example,other.com"));
        for entry in [
            "*",
            "nhncloud.com",
            ".nhncloud.com",
            "*.nhncloud.com",
            "x, container.nhncloud.com:6443",
        ] {
            assert!(!proxied(server, entry), "{entry}");
        }
        assert!(proxied(server, "container.nhncloud.com:443"));
        assert!(proxied(server, "cloud.com"));
    }

    #[test]
    fn addresses_and_networks() {
        assert!(!proxied("https://10.1.2.3:6443", "10.0.0.0/8"));
        assert!(proxied("https://10.1.2.3:6443", "10.2.0.0/16"));
        assert!(!proxied("https://10.1.2.3", "10.1.2.3"));
        assert!(!proxied("https://[fd00::1]:6443", "fd00::/8"));
        assert!(!proxied("https://10.1.2.3", "0.0.0.0/0"));
    }

    #[test]
    fn loopback_and_other_schemes_are_direct() {
        assert!(!proxied("https://127.0.0.1:6443", ""));
        assert!(!proxied("https://localhost:6443", ""));
        assert!(!proxied("http://api.example", ""));
    }
}
