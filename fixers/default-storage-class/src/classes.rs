//! The StorageClasses: which are the default, and which could be.

use std::cmp::Reverse;

use nks_fixer::{Input, Object, escape};

use crate::DRIVER;

pub(crate) const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// The older spelling, which Kubernetes still takes as well.
const DEFAULT_BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";

pub(crate) const ANNOTATIONS: &str = "/metadata/annotations";
pub(crate) const WAITS_FOR_POD: &str = "WaitForFirstConsumer";
const IN_TREE_DRIVER: &str = "kubernetes.io/cinder";

/// A StorageClass.
pub(crate) struct Class<'a> {
    pub(crate) index: u32,
    pub(crate) object: &'a Object,
}

/// All of them, in the order of their names.
pub(crate) struct Classes<'a>(Vec<Class<'a>>);

/// Where a class says that it is the default.
pub(crate) fn default_pointer() -> String {
    [ANNOTATIONS, "/", &escape(DEFAULT)].concat()
}

impl Class<'_> {
    /// Kubernetes takes either spelling, and `true` only.
    fn is_default(&self) -> bool {
        let says = |key| self.object.annotation(key) == Some("true");
        says(DEFAULT) || says(DEFAULT_BETA)
    }

    fn is_of(&self, driver: &str) -> bool {
        self.object.text("/provisioner") == Some(driver)
    }

    /// A volume that is made before its pod is placed may be in another availability zone than the pod's node.
    fn waits_for_pod(&self) -> bool {
        self.object.text("/volumeBindingMode") == Some(WAITS_FOR_POD)
    }
}

impl<'a> Classes<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let objects = input.indexed();
        let classes = objects.filter(|(_, object)| object.kind == "StorageClass");
        Self(
            classes
                .map(|(index, object)| Class { index, object })
                .collect(),
        )
    }

    pub(crate) fn defaults(&self) -> impl Iterator<Item = &Class<'a>> {
        self.0.iter().filter(|class| class.is_default())
    }

    /// The default that counts since Kubernetes 1.26: the newest, and of several as new the first by name.
    pub(crate) fn newest_default(&self) -> Option<&Class<'a>> {
        let age = |class: &&Class| (Reverse(class.object.created()), class.object.name.clone());
        self.defaults().min_by_key(age)
    }

    /// Those that could be the default.
    pub(crate) fn suitable(&self) -> impl Iterator<Item = &Class<'a>> {
        let staying = self.0.iter();
        staying.filter(|class| {
            class.is_of(DRIVER) && class.waits_for_pod() && !class.object.is_being_deleted()
        })
    }

    /// Those of the Cinder CSI driver that do not wait for a pod.
    pub(crate) fn immediate(&self) -> impl Iterator<Item = &Class<'a>> {
        let classes = self.0.iter();
        classes.filter(|class| class.is_of(DRIVER) && !class.waits_for_pod())
    }

    /// Those of the driver that Kubernetes has replaced.
    pub(crate) fn in_tree(&self) -> impl Iterator<Item = &Class<'a>> {
        self.0.iter().filter(|class| class.is_of(IN_TREE_DRIVER))
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Class<'a>> {
        self.0.iter().find(|class| class.object.name == name)
    }
}
