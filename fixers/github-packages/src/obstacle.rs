//! What stands against a change, as a finding.

use nks_fixer::refusal::{self, Refusal};
use nks_fixer::{Finding, Image, ImageUser, Input, Questions, Template, naming};

use crate::origin::Host;
use crate::search::{Refused, Search, search};
use crate::{access, origin, places};

/// What a reference itself stands against: a path of which nothing can be told, or a digest.
pub(crate) fn in_reference(user: &ImageUser) -> Option<Finding> {
    let images = || user.containers.iter().map(|(_, image)| image);
    if images().any(|image| origin::places(image).is_empty()) {
        return Some(user.finding("odd-path"));
    }
    // The digest of a misspelt reference was written for ghcr.io.
    let is_pinned =
        |image: &&Image| image.digest.is_some() && origin::host(image) == Some(Host::Packages);
    let pinned = images().find(is_pinned)?;
    let without = Image {
        digest: None,
        ..pinned.clone()
    };
    let places = origin::places(&without);
    Some(
        user.finding("pinned-by-digest")
            .arg("new", crate::list(&places)),
    )
}

/// Of the same image in one namespace only one answer is known. It does not hold for who pulls with other secrets.
pub(crate) fn in_pull_secrets(
    input: &Input,
    user: &ImageUser,
    questions: &Questions,
) -> Option<Finding> {
    let own = user.template()?;
    let namespace = &user.object.namespace;
    let asked = places(user)
        .into_iter()
        .filter_map(|place| questions.like(namespace, &place));
    let mut others =
        asked.filter_map(|index| Template::of(index, input.objects.get(index as usize)?));
    let other = others.find(|other| !access::is_same(&own, other))?;
    Some(
        user.finding("other-pull-secrets")
            .arg("other", other.object.display_name()),
    )
}

/// What nodes answered against it; `None` where they have answered nothing against it so far.
pub(crate) fn in_answers(input: &Input, user: &ImageUser) -> Option<Finding> {
    let namespace = &user.object.namespace;
    let searches = || {
        user.containers
            .iter()
            .map(|(_, image)| search(input, namespace, image))
    };
    let refused = searches().find_map(|search| match search {
        Search::Refused(refused) => Some(refused),
        _ => None,
    });
    if let Some(refused) = refused {
        return Some(of_refusal(user, &refused));
    }
    let unclear = searches().find_map(|search| match search {
        Search::Unclear(unclear) => Some(unclear),
        _ => None,
    })?;
    let finding = user
        .finding("answer-unknown")
        .arg("new", unclear.place.as_str());
    Some(finding.arg("reason", refusal::cause(&unclear.words)))
}

/// What an image comes to that can be pulled from none of its places: with all that ghcr.io has answered.
fn of_refusal(user: &ImageUser, refused: &[Refused]) -> Finding {
    let any = |why: Refusal| refused.iter().any(|refused| refused.why() == why);
    let secrets = user.template().map(|template| access::secrets(&template));
    let secrets = secrets.unwrap_or_default();
    let message = if any(Refusal::Unreachable) {
        "node-offline"
    } else if !any(Refusal::Denied) {
        "in-neither-place"
    } else if secrets.is_empty() {
        "login-missing"
    } else {
        "login-refused"
    };
    let answers: Vec<String> = refused.iter().map(Refused::told).collect();
    user.finding(message)
        .arg("answers", naming::list(answers.iter().map(String::as_str)))
        .arg("secrets", secrets)
        .arg("namespace", &user.object.namespace)
}
