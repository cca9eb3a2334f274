//! Images of the frozen registry k8s.gcr.io are taken from registry.k8s.io instead, once a node could pull them there.
//!
//! domain.md, section 4: "k8s.gcr.io images in user workloads (frozen) → registry.k8s.io, verified." The guide has no section
//! on it; its section 3 is about the pause image of the container runtime, which belongs to no pod and is not looked at.
//!
//! | Question | answered in |
//! |---|---|
//! | Who uses certain images, and which pods cannot pull them? | `nks_fixer::image_users` |
//! | Is an image in a frozen registry, and where is it now? | `origin.rs` |
//! | What is to be said and done about it? | this file |
//!
//! A workload is changed only when a node could pull every one of its new images, digests included. Jobs, and failing
//! pods without a controller or of one that is not known here, are reported, with the images that they need.

mod origin;
#[cfg(test)]
mod tests;

use nks_fixer::{
    Finding, Fixer, ImageUser, Input, Maker, Outcome, Questions, Report, Step, Verdict,
    image_users, naming, refusal,
};

/// The fixer.
#[derive(Debug)]
pub struct LegacyRegistry;

nks_fixer::export!(LegacyRegistry);

impl Fixer for LegacyRegistry {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let mut questions = Questions::of(input);
        for user in image_users(input, origin::is_frozen) {
            let by_hand = match user.maker {
                Maker::Workload => {
                    move_workload(input, &user, &mut questions, &mut report);
                    continue;
                }
                Maker::Job => "job-by-hand",
                Maker::Nobody => "pod-by-hand",
                Maker::Other => "maker-by-hand",
            };
            let new = new_images(&user);
            report.finding(user.finding(by_hand).arg("new", list(&new)));
        }
        for step in questions.into_steps("ask-node") {
            report.step(step);
        }
        Ok(Outcome::Done(report))
    }
}

/// Asks a node for the new images first; once all of them could be pulled, names them in the workload.
fn move_workload<'a>(
    input: &'a Input,
    user: &ImageUser<'a>,
    questions: &mut Questions<'a>,
    report: &mut Report,
) {
    let new = new_images(user);
    if let Some(obstacle) = refused(input, user, &new) {
        report.finding(obstacle);
        return;
    }
    let answer = |image: &str| input.image_probe(&user.object.namespace, image);
    let unanswered: Vec<&str> = new
        .iter()
        .map(String::as_str)
        .filter(|image| answer(image).is_none())
        .collect();
    if unanswered.is_empty() {
        let found = report.finding(in_use(user));
        use_new_registry(input, user, found, report);
        report.findings.extend(user.moving_tags("moving-tag"));
        return;
    }
    let Some(node) = input.node_to_ask(user.nodes()) else {
        report.finding(user.finding("no-node-to-ask").arg("new", list(&new)));
        return;
    };
    if !questions.have_room(user.index, &unanswered) {
        report.finding(
            user.finding("too-many-images")
                .arg("namespace", &user.object.namespace),
        );
        return;
    }
    let found = report.finding(in_use(user));
    for image in unanswered {
        questions.ask(image, (node, user.index), found);
    }
    report.findings.extend(user.moving_tags("moving-tag"));
}

/// What a node said against the new images, as a finding; `None` where it has said nothing against them so far.
fn refused(input: &Input, user: &ImageUser, new: &[String]) -> Option<Finding> {
    let answers = || {
        let answer = |image: &String| input.image_probe(&user.object.namespace, image);
        new.iter()
            .filter_map(move |image| Some((image, answer(image)?)))
    };
    let failed = answers().find_map(|(image, verdict)| match verdict {
        Verdict::Failed(words) => Some((image, words, failure(image, words))),
        _ => None,
    });
    let unknown = || {
        answers().find_map(|(image, verdict)| match verdict {
            Verdict::Unknown(words) => Some((image, words, "answer-unknown")),
            _ => None,
        })
    };
    let (image, words, message) = failed.or_else(unknown)?;
    let finding = user
        .finding(message)
        .arg("new", image.as_str())
        .arg("reason", refusal::cause(words));
    Some(finding)
}

fn failure(image: &str, words: &str) -> &'static str {
    match refusal::of(image, words) {
        refusal::Refusal::Unreachable => "node-offline",
        _ => "new-registry-lacks",
    }
}

/// The finding that something can be done about.
fn in_use(user: &ImageUser) -> Finding {
    if user.failing.is_empty() {
        return user.finding("in-use");
    }
    user.finding("unpullable")
        .arg("pods", user.failing.len().to_string())
        .arg("reason", user.reason())
}

/// The steps that name the new registry in a workload, for the finding with that index.
fn use_new_registry(input: &Input, user: &ImageUser, found: u32, report: &mut Report) {
    let is_addon = input.context.is_nks()
        && input.context.kubernetes_version() >= Some((1, 30))
        && user.object.namespace == "kube-system";
    let replaces = user
        .template()
        .is_some_and(|template| template.replaces_pods());
    let message = match user.object.kind.as_str() {
        "CronJob" => "use-new-registry-next-jobs",
        _ if !replaces => "use-new-registry-later",
        _ if is_addon => "use-new-registry-addon",
        _ => "use-new-registry",
    };
    let step = user
        .rename(message, origin::moved)
        .arg("workload", user.name.as_str())
        .arg("new", list(&new_images(user)));
    let renamed = report.step(step.mends(found));
    if let Some(pods) = user.stuck_pods() {
        let step = Step::manual("delete-waiting-pods")
            .arg("workload", user.name.as_str())
            .arg("pods", pods);
        report.step(step.mends(found).needs([renamed]));
    }
}

/// The new images of one who uses old ones, each once.
fn new_images(user: &ImageUser) -> Vec<String> {
    let mut new: Vec<String> = Vec::new();
    for (_, image) in &user.containers {
        let moved = origin::moved(image);
        if !new.contains(&moved) {
            new.push(moved);
        }
    }
    new
}

fn list(images: &[String]) -> String {
    naming::list(images.iter().map(String::as_str))
}
