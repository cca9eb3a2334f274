//! Flannel's images, which quay.io no longer serves, are pulled from where a node can really pull the same version.
//!
//! The guide: "Image pull for Flannel CNI related images from `quay.io` fails". Its first answer is the NKS registry, which
//! only the console can activate. Its second, to write `ghcr.io/flannel-io` for `quay.io/coreos`, fails for most clusters:
//! there are no images of Flannel before v0.26.4 there, and NKS has v0.12.0 and v0.14.0. So a node is asked first, for that
//! image and for others of the same version, and nothing is put in place that it could not pull.
//!
//! | Question | answered in |
//! |---|---|
//! | Which DaemonSets are it, and which pods cannot pull what? | `evidence.rs` |
//! | Which version is an image, and where else may that be? | `image.rs` |
//! | Which node is asked, and what else suffers there? | `node.rs` |
//! | What did the nodes answer? | `search.rs` |
//! | Why could it not be pulled, in few words? | `reason.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: what still runs, since a change restarts the network of every node; what NKS's own registry has to mend;
//! images without a version or with a digest; other versions than the one in use; and `flannel-cni`, for which there is no
//! image that would do the same.

mod evidence;
mod image;
mod node;
mod reason;
mod search;
#[cfg(test)]
mod tests;

use evidence::{Flannel, Taken, images};
use image::Part;
use nks_fixer::{
    Arg, Change, Finding, Fixer, Image, Input, Outcome, Patch, Report, Risk, Step, naming,
};
use search::Found;

/// The fixer.
#[derive(Debug)]
pub struct FlannelRegistry;

nks_fixer::export!(FlannelRegistry);

/// As many images as one plan may ask for. What is left is asked for by the next one.
const MOST_QUESTIONS: usize = 10;

impl Fixer for FlannelRegistry {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        for flannel in evidence::flannels(input) {
            look_at(input, &flannel, &mut report);
        }
        Ok(Outcome::Done(report))
    }
}

fn look_at(input: &Input, flannel: &Flannel, report: &mut Report) {
    if let Some(message) = concern_of_others(input) {
        report.finding(finding(message, input, flannel));
    } else if flannel.pods.is_empty() {
        warn(input, flannel, report);
    } else if flannel.of(Part::FlannelCni).any(|it| it.is_missing) {
        leave_flannel_cni(input, flannel, report);
    } else if let Some(obstacle) = obstacle(input, flannel) {
        report.finding(obstacle);
    } else {
        move_images(input, flannel, report);
    }
}

/// Who has to mend it, where that is not for us; `None` where it is.
fn concern_of_others(input: &Input) -> Option<&'static str> {
    if input.context.is_nks() && input.context.kubernetes_version() >= Some((1, 26)) {
        Some("nks-has-no-flannel")
    } else if image::nks_registry_is_active(input) {
        Some("nks-registry-active")
    } else {
        None
    }
}

/// A finding about a DaemonSet; all of them carry the same arguments.
fn finding(message: &str, input: &Input, flannel: &Flannel) -> Finding {
    let fails = !flannel.pods.is_empty();
    let finding = if fails {
        Finding::error(message)
    } else {
        Finding::warning(message)
    };
    let named = if fails {
        images(flannel.failing())
    } else {
        images(flannel.containers.iter())
    };
    let first = flannel.failing().chain(&flannel.containers).next();
    let field = first.map(|it| it.container.pointer_to("image"));
    let waitings = flannel.failing().flat_map(|it| it.waitings.iter().copied());
    finding
        .on(flannel.workload.index)
        .at(field.unwrap_or_default())
        .seen_on(flannel.pods.iter().map(|pod| pod.index))
        .seen_on(node::without_network(input, flannel))
        .arg("workload", flannel.workload.display_name())
        .arg("images", named)
        .arg("reason", reason::of_waitings(waitings))
        .arg("pods", flannel.pods.len().to_string())
        .arg("desired", flannel.workload.desired().to_string())
        .arg("cni", images(flannel.of(Part::FlannelCni)))
}

/// The next new node will show the fault.
fn warn(input: &Input, flannel: &Flannel, report: &mut Report) {
    let message = if flannel.of(Part::FlannelCni).next().is_some() {
        "will-fail-on-new-node-cni"
    } else {
        "will-fail-on-new-node"
    };
    let found = report.finding(finding(message, input, flannel));
    by_hand(report, Step::manual("activate-nks-registry"), found);
}

/// Pods do not get past the plug-ins' container, so nothing else in them would mend anything, and a rollout would stop.
fn leave_flannel_cni(input: &Input, flannel: &Flannel, report: &mut Report) {
    let found = report.finding(finding("flannel-cni-unpullable", input, flannel));
    by_hand(report, Step::manual("activate-nks-registry"), found);
    let containers = flannel.of(Part::FlannelCni);
    let replace = Step::manual("replace-flannel-cni")
        .arg("workload", flannel.workload.display_name())
        .arg("cni", images(flannel.of(Part::FlannelCni)))
        .arg(
            "containers",
            naming::list(containers.map(|it| it.container.name)),
        );
    by_hand(report, replace, found);
}

/// What stands against looking for another image, as a finding; `None` where nothing does.
fn obstacle(input: &Input, flannel: &Flannel) -> Option<Finding> {
    let say = |message| finding(message, input, flannel);
    let flannels = || flannel.of(Part::Flannel);
    if flannels().any(|it| it.image.digest.is_some()) {
        return Some(say("pinned-by-digest"));
    }
    if flannels().any(|it| image::version(&it.image).is_none()) {
        return Some(say("version-unclear"));
    }
    if let Some(setting) = input.context.setting("image") {
        let Some(chosen) = image::chosen(setting) else {
            return Some(say("setting-unusable").arg("image", setting));
        };
        let other = flannels().find(|it| image::minor(&it.image) != image::minor(&chosen));
        if let Some(other) = other {
            let version = image::minor(&other.image).unwrap_or_default();
            let refused = say("setting-other-version").arg("image", setting);
            return Some(refused.arg("version", version));
        }
    }
    let has_node = node::to_ask(input, flannel).is_some();
    (!has_node).then(|| say("no-node"))
}

/// Asks for other images, or puts those in place that a node could pull, or says that there are none.
fn move_images(input: &Input, flannel: &Flannel, report: &mut Report) {
    let namespace = flannel.workload.namespace.as_str();
    let mut edits = Vec::new();
    let mut unasked = Vec::new();
    let mut refusal = None;
    for taken in flannel.of(Part::Flannel) {
        let references = references(input, &taken.image);
        match search::search(input, namespace, &references) {
            Found::Here(reference) => edits.push((taken, reference)),
            Found::Ask(references) => unasked.extend(references),
            Found::Unclear => refusal = Some(("could-not-tell", taken, references)),
            Found::Nowhere if refusal.is_none() => {
                refusal = Some(("nowhere", taken, references));
            }
            Found::Nowhere => {}
        }
    }
    if let Some((message, taken, references)) = refusal {
        refuse(input, flannel, (message, taken, &references), report);
        return;
    }
    let found = report.finding(finding("unpullable", input, flannel));
    if unasked.is_empty() {
        mend(input, flannel, &edits, (found, report));
    } else {
        ask(input, flannel, &unasked, (found, report));
    }
}

/// Where an image may be: where the setting says, or else in the places that are known, in the same version.
fn references(input: &Input, image: &Image) -> Vec<String> {
    match input.context.setting("image") {
        Some(setting) => vec![setting.to_owned()],
        None => image::homes(image::version(image).unwrap_or_default()),
    }
}

/// No node can pull another image, or none could tell.
fn refuse(
    input: &Input,
    flannel: &Flannel,
    (message, taken, references): (&str, &Taken, &[String]),
    report: &mut Report,
) {
    let namespace = flannel.workload.namespace.as_str();
    let is_chosen = input.context.setting("image").is_some();
    let is_nowhere = message == "nowhere";
    let message = if is_chosen && is_nowhere {
        "setting-unpullable"
    } else {
        message
    };
    let finding = finding(message, input, flannel)
        .arg("node", search::asked(input, namespace, references))
        .arg("answers", search::answers(input, namespace, references));
    let found = report.finding(finding);
    if is_nowhere {
        let tag = image::version(&taken.image).unwrap_or_default();
        by_hand(report, Step::manual("activate-nks-registry"), found);
        let copy = Step::manual("copy-to-own-registry").arg("tag", tag);
        by_hand(report, copy, found);
    }
}

/// Asks a node for each of `references` that nobody asks for yet in this namespace.
fn ask(
    input: &Input,
    flannel: &Flannel,
    references: &[String],
    (found, report): (u32, &mut Report),
) {
    let Some((node, name)) = node::to_ask(input, flannel) else {
        return;
    };
    let like = flannel.workload.index;
    for reference in references {
        let asked = report.steps.iter().position(|step| match &step.change {
            Change::ProbeImage { image, like, .. } => {
                let namespace = input.objects.get(*like as usize).map(|it| &it.namespace);
                image == reference && namespace == Some(&flannel.workload.namespace)
            }
            _ => false,
        });
        if let Some(step) = asked.and_then(|position| report.steps.get_mut(position)) {
            if !step.findings.contains(&found) {
                step.findings.push(found);
            }
        } else if questions(report) < MOST_QUESTIONS {
            let step = Step::probe_image("ask-node", (node, like), reference.as_str())
                .arg("node", name)
                .arg("image", reference.as_str());
            report.step(step.mends(found));
        }
    }
}

fn questions(report: &Report) -> usize {
    let asks = |step: &&Step| matches!(step.change, Change::ProbeImage { .. });
    report.steps.iter().filter(asks).count()
}

/// Puts the images in place, and nothing else.
fn mend(
    input: &Input,
    flannel: &Flannel,
    edits: &[(&Taken, String)],
    (found, report): (u32, &mut Report),
) {
    let target = flannel.workload.index;
    let message = match input.context.setting("image") {
        Some(_) => "use-chosen-image",
        None => "use-same-version",
    };
    let mut patch = Patch::default();
    for (taken, new) in edits {
        let pointer = taken.container.pointer_to("image");
        patch = patch.replace(&pointer, taken.container.image, new.as_str());
    }
    let replacement = naming::list(edits.iter().map(|(_, new)| new.as_str()));
    let mut step = Step::patch(message, target, patch)
        .arg("workload", flannel.workload.display_name())
        .arg("replacement", replacement)
        .risk(Risk::Disruptive)
        .mends(found);
    for (taken, new) in edits {
        step = step.expect(target, taken.container.pointer_to("image"), new.as_str());
    }
    if flannel.workload.text("/spec/updateStrategy/type") != Some("OnDelete") {
        report.step(step.wait());
        return;
    }
    let step = report.step(step);
    let delete = Step::manual("delete-old-pods").arg("workload", flannel.workload.display_name());
    report.step(delete.mends(found).needs([step]));
}

/// Adds a step for a person, or lets the one that says the same stand for this finding too.
fn by_hand(report: &mut Report, step: Step, found: u32) {
    let says = |step: &Step| -> (String, Vec<Arg>) { (step.message.clone(), step.args.clone()) };
    let mut earlier = report.steps.iter_mut();
    match earlier.find(|earlier| says(earlier) == says(&step)) {
        Some(earlier) => earlier.findings.push(found),
        None => {
            report.step(step.mends(found));
        }
    }
}
