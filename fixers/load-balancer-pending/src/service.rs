//! The Services that a cloud's load balancer is for.

use std::collections::BTreeMap;

use nks_fixer::{Input, Object};
use serde_json::Value;

/// Seconds that a load balancer may take.
const PATIENCE: i64 = 5 * 60;

/// The annotation that names the load balancer; NKS gives those without it a name of their own.
const NAME: &str = "loadbalancer.nhncloud/loadbalancer-name";
pub(crate) const NAME_FIELD: &str =
    "/metadata/annotations/loadbalancer.nhncloud~1loadbalancer-name";

/// A longer name is cut off.
const LONGEST_NAME: usize = 255;

/// A Service of type LoadBalancer.
#[derive(Clone, Copy)]
pub(crate) struct Service<'a> {
    pub(crate) index: u32,
    pub(crate) object: &'a Object,
}

/// The Services for which the cloud makes a load balancer. A class names another controller than the cloud's.
pub(crate) fn of_clouds(input: &Input) -> Vec<Service<'_>> {
    input
        .indexed()
        .filter(|(_, object)| {
            object.kind == "Service"
                && object.text("/spec/type") == Some("LoadBalancer")
                && object.text("/spec/loadBalancerClass").is_none()
                && !object.is_being_deleted()
        })
        .map(|(index, object)| Service { index, object })
        .collect()
}

/// The names that more than one Service asks for.
pub(crate) fn duplicates<'a>(services: &[Service<'a>]) -> BTreeMap<&'a str, Vec<Service<'a>>> {
    let mut by_name: BTreeMap<&str, Vec<Service>> = BTreeMap::new();
    for service in services {
        if let Some(name) = service.load_balancer_name() {
            by_name.entry(name).or_default().push(*service);
        }
    }
    by_name.retain(|_, services| services.len() > 1);
    by_name
}

impl<'a> Service<'a> {
    /// `shop/web`
    pub(crate) fn title(&self) -> String {
        [&*self.object.namespace, &*self.object.name].join("/")
    }

    /// Whether it should have an address by now.
    pub(crate) fn is_pending(&self, now: i64) -> bool {
        let is_old = self
            .object
            .created()
            .is_some_and(|created| now - created > PATIENCE);
        is_old && self.ingress().next().is_none()
    }

    /// Whether it has this address.
    pub(crate) fn has_address(&self, address: &str) -> bool {
        self.ingress()
            .any(|entry| entry.get("ip").and_then(Value::as_str) == Some(address))
    }

    /// The address that it asks for.
    pub(crate) fn wanted_address(&self) -> Option<&'a str> {
        let address = self.object.text("/spec/loadBalancerIP")?;
        (!address.is_empty()).then_some(address)
    }

    fn ingress(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        let list = self.object.value.pointer("/status/loadBalancer/ingress");
        list.and_then(Value::as_array).into_iter().flatten()
    }

    /// The name that the annotation gives to its load balancer. NKS takes no notice of a name with other characters.
    fn load_balancer_name(&self) -> Option<&'a str> {
        let name = self.object.annotation(NAME)?;
        let is_valid = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_valid.then(|| name.get(..LONGEST_NAME).unwrap_or(name))
    }
}
