//! StorageClasses of Cinder volumes are told to let claims grow.
//!
//! Not in the guide, but in the way of its section "The Pod's file system does not reflect the increased capacity after
//! the PV capacity is increased": a StorageClass without `allowVolumeExpansion: true`, as in the examples of the NKS
//! documentation, lets nobody ask for the larger size in the first place. The field can be changed at any time.
//!
//! | Question | answered in |
//! |---|---|
//! | Which claims of a class want to grow? | `claims.rs` |
//! | Is one quantity larger than another? | `quantity.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: classes of other drivers, such as NFS, and classes that are being deleted. A class of the driver that
//! Kubernetes has replaced (`kubernetes.io/cinder`) is reported and not changed.

mod claims;
#[cfg(test)]
mod tests;

use claims::Claims;
use nks_fixer::{Finding, Fixer, Input, Object, Outcome, Patch, Report, Step};
use serde_json::Value;

/// The fixer.
#[derive(Debug)]
pub struct VolumeExpansion;

nks_fixer::export!(VolumeExpansion);

const DRIVER: &str = "cinder.csi.openstack.org";
const IN_TREE_DRIVER: &str = "kubernetes.io/cinder";
const FIELD: &str = "/allowVolumeExpansion";

impl Fixer for VolumeExpansion {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let events = claims::events(input);
        for (index, class) in input.indexed().filter(|(_, object)| forbids(object)) {
            let claims = claims::of_class(input, &events, &class.name);
            match class.text("/provisioner") {
                Some(DRIVER) => allow(index, class, &claims, &mut report),
                Some(IN_TREE_DRIVER) => {
                    report.finding(in_tree(index, class, &claims));
                }
                _ => {}
            }
        }
        Ok(Outcome::Done(report))
    }
}

/// Whether this is a StorageClass that does not let volumes be expanded. Without the field it does not.
fn forbids(object: &Object) -> bool {
    object.kind == "StorageClass"
        && object.value.pointer(FIELD) != Some(&Value::Bool(true))
        && !object.is_being_deleted()
}

/// Says how much the class is in the way, and sets the field.
fn allow(index: u32, class: &Object, claims: &Claims, report: &mut Report) {
    let mut found = Vec::new();
    for (finding, claims) in [
        (Finding::error("expansion-refused"), &claims.refused),
        (Finding::error("expansion-failed"), &claims.failed),
        (Finding::warning("expansion-unfinished"), &claims.unfinished),
    ] {
        if !claims.is_empty() {
            let finding = claims::name(about(finding, index, class), claims);
            found.push(report.finding(finding));
        }
    }
    if found.is_empty() {
        found.push(report.finding(about(Finding::info("expansion-off"), index, class)));
    }
    let patch = match class.value.pointer(FIELD) {
        Some(old) => Patch::default().replace(FIELD, old.clone(), true),
        None => Patch::default().add(FIELD, true),
    };
    let step = Step::patch("allow-expansion", index, patch)
        .arg("class", class.display_name())
        .expect(index, FIELD, true);
    report.step(found.into_iter().fold(step, Step::mends));
}

fn in_tree(index: u32, class: &Object, claims: &Claims) -> Finding {
    let wanting = claims.all();
    if wanting.is_empty() {
        about(Finding::info("in-tree"), index, class)
    } else {
        let finding = about(Finding::warning("in-tree-needed"), index, class);
        claims::name(finding, &wanting)
    }
}

fn about(finding: Finding, index: u32, class: &Object) -> Finding {
    finding
        .on(index)
        .at(FIELD)
        .arg("class", class.display_name())
}
