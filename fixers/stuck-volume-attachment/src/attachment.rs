//! VolumeAttachments.

use nks_fixer::{Input, Object, time};

use crate::DRIVER;

/// A VolumeAttachment: one volume on one node.
#[derive(Clone, Copy)]
pub(crate) struct Attachment<'a> {
    pub(crate) index: u32,
    pub(crate) object: &'a Object,
    /// Its node's name, whether or not there is such a node.
    pub(crate) node: &'a str,
    /// The PersistentVolume's name; `-` of a volume that a pod describes itself.
    pub(crate) volume: &'a str,
    /// The driver's name.
    pub(crate) driver: &'a str,
}

pub(crate) fn all(input: &Input) -> impl Iterator<Item = Attachment<'_>> {
    let objects = input.indexed();
    objects
        .filter(|(_, object)| object.kind == "VolumeAttachment")
        .map(|(index, object)| Attachment {
            index,
            object,
            node: object.text("/spec/nodeName").unwrap_or_default(),
            volume: object
                .text("/spec/source/persistentVolumeName")
                .unwrap_or("-"),
            driver: object.text("/spec/attacher").unwrap_or_default(),
        })
}

impl<'a> Attachment<'a> {
    pub(crate) fn is_cinder(&self) -> bool {
        self.driver == DRIVER
    }

    /// Since when it is to be detached, in seconds since 1970; `None` where nobody has asked for that.
    pub(crate) fn deleted(&self) -> Option<i64> {
        let at = self.object.text("/metadata/deletionTimestamp")?;
        Some(time::seconds(at).unwrap_or_default())
    }

    /// Why the driver could not detach it, in its words.
    pub(crate) fn detach_error(&self) -> Option<&'a str> {
        let object: &'a Object = self.object;
        object.text("/status/detachError/message")
    }
}
