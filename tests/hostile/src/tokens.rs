//! What a fixer may try with the tokens that stand for a Secret's values, and for a secret setting.

use nks_fixer::{Finding, Input, Object, Outcome, Patch, Report, Step};
use serde_json::json;

use crate::{done, plans};

fn secret(input: &Input) -> Option<(u32, &Object)> {
    input.indexed().find(|(_, object)| object.kind == "Secret")
}

fn text(object: &Object) -> String {
    object
        .text("/data/cloud-config")
        .unwrap_or_default()
        .to_owned()
}

/// The text with one more line, which is what a fixer may do.
pub(crate) fn edited(input: &Input) -> Outcome {
    rewritten(input, |text| [text, "[More]\nflag = true\n"].concat())
}

/// The value of one key, moved under another.
pub(crate) fn moved(input: &Input) -> Outcome {
    rewritten(input, |text| text.replace("password", "auth-url"))
}

/// A line with a value, left out.
pub(crate) fn dropped(input: &Input) -> Outcome {
    rewritten(input, |text| {
        let kept = text
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("password"));
        kept.collect()
    })
}

/// A line with a value, twice.
pub(crate) fn copied(input: &Input) -> Outcome {
    rewritten(input, |text| [text, text].concat())
}

fn rewritten(input: &Input, rewrite: impl Fn(&str) -> String) -> Outcome {
    let Some((index, object)) = secret(input) else {
        return done(Finding::error("found").arg("what", "no secret"));
    };
    let old = text(object);
    let new = rewrite(&old);
    let patch = Patch::default().replace("/data/cloud-config", old, new);
    plans::of_target(index, &patch.into_json())
}

/// All that is seen of the Secret, in a message.
pub(crate) fn told(input: &Input) -> Outcome {
    let seen = secret(input).map(|(_, object)| object.value.to_string());
    done(Finding::error("found").arg("what", seen.unwrap_or_default()))
}

/// All that is seen of the Secret, without what makes it a token: what a message can carry is what a guest has.
pub(crate) fn told_without_tokens(input: &Input) -> Outcome {
    let seen =
        secret(input).map(|(_, object)| object.value.to_string().replace("nks-secret-", "#"));
    done(Finding::error("found").arg("what", seen.unwrap_or_default()))
}

/// A value in another object, at a declared path.
pub(crate) fn smuggled(input: &Input) -> Outcome {
    let seen = secret(input)
        .map(|(_, object)| text(object))
        .unwrap_or_default();
    let patch = Patch::default().add("/spec/template/spec/containers/0/image", seen);
    plans::of_target(0, &patch.into_json())
}

/// The same, spelled so that the patch's text does not hold what makes it a token.
pub(crate) fn escaped(input: &Input) -> Outcome {
    let seen = secret(input).map(|(_, object)| text(object));
    let patch = Patch::default().add(
        "/spec/template/spec/containers/0/image",
        seen.unwrap_or_default(),
    );
    plans::of_target(
        0,
        &patch
            .into_json()
            .replace("nks-secret-", "nks\\u002dsecret-"),
    )
}

/// What stands for the secret setting.
pub(crate) fn setting(input: &Input) -> String {
    input
        .context
        .setting("login")
        .unwrap_or_default()
        .to_owned()
}

/// A new Secret with the setting's value, which is what a fixer may do, and with more where more is given.
pub(crate) fn created(input: &Input, behind: &str, label: &str) -> Outcome {
    let value = [setting(input).as_str(), behind].concat();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"login": value},
        "metadata": {"name": "made", "namespace": "kube-system", "labels": {"a": label}}});
    let mut report = Report::default();
    report.finding(Finding::error("found").arg("what", "no login"));
    report.step(Step::create("mend", secret).arg("what", "it"));
    Outcome::Done(report)
}

/// The setting's value in another object, at a declared path.
pub(crate) fn setting_smuggled(input: &Input) -> Outcome {
    let patch = Patch::default().add("/spec/template/spec/containers/0/image", setting(input));
    plans::of_target(0, &patch.into_json())
}
