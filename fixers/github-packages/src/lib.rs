//! Images of docker.pkg.github.com are taken from ghcr.io instead, from where a node could really pull them.
//!
//! The guide: "In k8s v1.24 and later, the `pull from host docker.pkg.github.com failed` error occurs and the image pull
//! fails." It says to change the host to `gchr.io`, which is a misspelling of ghcr.io, and not enough: the path is another one,
//! too, and which one only ghcr.io can tell (domain.md, section 2.5).
//!
//! | Question | answered in |
//! |---|---|
//! | Who uses certain images, and which pods cannot pull them? | `nks_fixer::image_users` |
//! | Is an image GitHub's, and where may it be now? | `origin.rs` |
//! | What have nodes answered about these places? | `search.rs` |
//! | With which pull secrets was that? | `access.rs` |
//! | What is to be said about what stands against a change? | `obstacle.rs` |
//! | What is to be done? | this file |
//!
//! A workload is changed only when a node could pull every one of its new images, with the workload's own pull secrets.
//! Digests are left alone: what is in ghcr.io may be another build.

mod access;
mod obstacle;
mod origin;
mod search;
#[cfg(test)]
mod tests;

use nks_fixer::{
    Finding, Fixer, Image, ImageUser, Input, Maker, Outcome, Questions, Report, Step, image_users,
    naming,
};
use origin::Host;
use search::Search;

/// The fixer.
#[derive(Debug)]
pub struct GithubPackages;

nks_fixer::export!(GithubPackages);

impl Fixer for GithubPackages {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let mut report = Report::default();
        let mut questions = Questions::of(input);
        for user in image_users(input, |image| origin::host(image).is_some()) {
            if let Some(obstacle) = obstacle::in_reference(&user) {
                report.finding(obstacle);
                continue;
            }
            let by_hand = match user.maker {
                Maker::Workload => {
                    move_workload(input, &user, &mut questions, &mut report);
                    continue;
                }
                Maker::Job => "job-by-hand",
                Maker::Nobody => "pod-by-hand",
                Maker::Other => "maker-by-hand",
            };
            report.finding(user.finding(by_hand).arg("new", list(&places(&user))));
        }
        for step in questions.into_steps("ask-node") {
            report.step(step);
        }
        Ok(Outcome::Done(report))
    }
}

/// Asks a node for all places first; once every image was found in one, names these places in the workload.
fn move_workload<'a>(
    input: &'a Input,
    user: &ImageUser<'a>,
    questions: &mut Questions<'a>,
    report: &mut Report,
) {
    let obstacle = obstacle::in_pull_secrets(input, user, questions);
    if let Some(obstacle) = obstacle.or_else(|| obstacle::in_answers(input, user)) {
        report.finding(obstacle);
        return;
    }
    let unasked = unasked(input, user);
    if unasked.is_empty() {
        let found = report.finding(in_use(user));
        use_container_registry(input, user, found, report);
        report.findings.extend(user.moving_tags("moving-tag"));
        return;
    }
    let Some(node) = input.node_to_ask(user.nodes()) else {
        report.finding(user.finding("no-node-to-ask").arg("new", list(&unasked)));
        return;
    };
    let wanted: Vec<&str> = unasked.iter().map(String::as_str).collect();
    if !questions.have_room(user.index, &wanted) {
        report.finding(
            user.finding("too-many-images")
                .arg("namespace", &user.object.namespace),
        );
        return;
    }
    let found = report.finding(in_use(user));
    for place in wanted {
        questions.ask(place, (node, user.index), found);
    }
    report.findings.extend(user.moving_tags("moving-tag"));
}

/// The finding that something can be done about.
fn in_use(user: &ImageUser) -> Finding {
    let is_misspelt = |(_, image): &&(_, Image)| origin::host(image) == Some(Host::Misspelt);
    let misspelt = user.containers.iter().filter(is_misspelt);
    let misspelt = naming::list(misspelt.map(|(container, _)| container.image));
    let message = match (misspelt.is_empty(), user.failing.is_empty()) {
        (false, _) => "misspelt",
        (true, true) => "in-use",
        (true, false) => "unpullable",
    };
    user.finding(message)
        .arg("misspelt", misspelt)
        .arg("pods", user.failing.len().to_string())
        .arg("reason", user.reason())
}

/// The steps that name in a workload the places where its images were found, for the finding with that index.
fn use_container_registry(input: &Input, user: &ImageUser, found: u32, report: &mut Report) {
    let at = |image: &Image| match search::search(input, &user.object.namespace, image) {
        Search::Found { at, also } => (at, also),
        _ => (image.to_string(), None),
    };
    let places = user.containers.iter().map(|(_, image)| at(image));
    let (new, also): (Vec<String>, Vec<Option<String>>) = places.unzip();
    let also: Vec<String> = also.into_iter().flatten().collect();
    let message = if also.is_empty() {
        "use-container-registry"
    } else {
        "use-first-of-two-places"
    };
    let step = user
        .rename(message, |image| at(image).0)
        .arg("workload", user.name.as_str())
        .arg("new", list(&new))
        .arg("also", list(&also));
    let renamed = report.step(step.mends(found));
    if let Some(pods) = user.stuck_pods() {
        let step = Step::manual("delete-waiting-pods")
            .arg("workload", user.name.as_str())
            .arg("pods", pods);
        report.step(step.mends(found).needs([renamed]));
    }
}

/// Every place in which an image may be, each once.
fn places(user: &ImageUser) -> Vec<String> {
    let all = user
        .containers
        .iter()
        .flat_map(|(_, image)| origin::places(image));
    once(all)
}

/// The places that no node has been asked for, each once.
fn unasked(input: &Input, user: &ImageUser) -> Vec<String> {
    let namespace = &user.object.namespace;
    let searches = user
        .containers
        .iter()
        .map(|(_, image)| search::search(input, namespace, image));
    once(searches.flat_map(|search| match search {
        Search::Unasked(places) => places,
        _ => Vec::new(),
    }))
}

fn once(images: impl Iterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for image in images {
        if !once.contains(&image) {
            once.push(image);
        }
    }
    once
}

fn list(images: &[String]) -> String {
    naming::list(images.iter().map(String::as_str))
}
