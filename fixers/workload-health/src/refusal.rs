//! Pods that are never made, since the API server refuses them: quota, limits, admission webhooks, missing accounts.

use nks_fixer::Object;

use crate::event::{Event, RECENT};
use crate::scene::{Scene, condition, condition_text, number};
use crate::symptom::Symptom;
use crate::words::{between, holds, last_cause, quoted, shortened};

/// Controllers try again at the latest after a thousand seconds: a refusal that is older was the last.
const RETRIED: i64 = 1_200;

/// Kinds whose controllers make pods.
const MAKERS: [&str; 4] = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"];

pub(crate) fn symptoms(scene: &Scene) -> Vec<Symptom> {
    let mut found = Vec::new();
    for kind in MAKERS {
        for (index, object) in scene.each(kind).filter(|(_, object)| lacks_pods(object)) {
            let message = said(scene, object);
            if let Some(message) = message {
                let workload = scene.workload(index);
                found.push(refusal(scene, workload, index, message));
            }
        }
    }
    found.extend(by_rbac(scene));
    found
}

/// Whether it has fewer pods than it wants.
fn lacks_pods(object: &Object) -> bool {
    let count = |pointer: &str| number(&object.value, pointer).unwrap_or(0);
    if object.is_being_deleted() {
        return false;
    }
    match object.kind.as_str() {
        "DaemonSet" => {
            count("/status/currentNumberScheduled") < count("/status/desiredNumberScheduled")
        }
        "Job" => {
            let ended = |kind| condition(object, kind) == "True";
            let suspended = object.value.pointer("/spec/suspend") == Some(&true.into());
            count("/status/active") == 0 && !ended("Complete") && !ended("Failed") && !suspended
        }
        _ => {
            let wanted = number(&object.value, "/spec/replicas").unwrap_or(1);
            count("/status/replicas") < wanted
        }
    }
}

/// Why the last pod could not be made: the ReplicaSet's own condition, or else the last event.
fn said<'a>(scene: &'a Scene, object: &'a Object) -> Option<&'a str> {
    if condition(object, "ReplicaFailure") == "True" {
        return Some(condition_text(object, "ReplicaFailure", "message"));
    }
    let event = scene.events.latest(object, "FailedCreate", "")?;
    (event.age < RETRIED).then_some(event.message)
}

fn refusal(scene: &Scene, workload: u32, maker: u32, message: &str) -> Symptom {
    let found = |id, key: &str| of_maker(scene, id, (workload, maker), key);
    let last = |words: &str| {
        let rest = message.split_once(words);
        shortened(
            rest.map_or(message, |(_, rest)| rest)
                .trim_start_matches(": "),
        )
    };
    if let Some(quota) = between(message, "exceeded quota: ", ",") {
        let part = |start, end| between(message, start, end).unwrap_or_default();
        return found("quota-exceeded", quota)
            .arg("quota", quota)
            .arg("requested", part("requested: ", ", used:"))
            .arg("used", part("used: ", ", limited:"))
            .arg("limited", &last(", limited: "));
    }
    if let Some(quota) = between(message, "failed quota: ", ":") {
        let found = found("quota-needs-values", quota).arg("quota", quota);
        return found.arg("fields", &last("must specify "));
    }
    if let Some(level) = quoted(message, "violates PodSecurity ") {
        let found = found("pod-security-refused", &workload.to_string());
        return found.arg("level", level).arg("reason", &last("\": "));
    }
    if let Some(webhook) = quoted(message, "failed calling webhook ") {
        let found = found("webhook-unreachable", "").key(webhook);
        let reason = last_cause(message);
        return found.arg("webhook", webhook).arg("reason", &reason);
    }
    if let Some(webhook) = quoted(message, "admission webhook ") {
        let reason = last("denied the request");
        let found = found("webhook-refused", &[webhook, &reason].concat());
        return found.arg("webhook", webhook).arg("reason", &reason);
    }
    let account = quoted(message, "serviceaccount ");
    if let Some(account) = account.filter(|_| message.contains("not found")) {
        return found("service-account-missing", account).arg("account", account);
    }
    let limits = [" usage per ", "limit to request ratio per "];
    let id = if holds(message, &limits) {
        "limit-range-refused"
    } else {
        "create-refused"
    };
    found(id, &workload.to_string()).arg("reason", &last("is forbidden: "))
}

/// What a workload shows whose pods are refused, and what makes them. Folded within its namespace.
fn of_maker(scene: &Scene, id: &'static str, of: (u32, u32), key: &str) -> Symptom {
    let (workload, maker) = of;
    let namespace = scene.object(maker).map_or("", |object| &*object.namespace);
    let mut found = Symptom::new(id, workload)
        .key(&[namespace, "/", key].concat())
        .arg("namespace", namespace);
    found.workloads.push(workload);
    if maker != workload {
        found.related.push(maker);
    }
    found
}

/// `… is forbidden: User "system:serviceaccount:a:b" cannot list resource "pods" in API group "" …` in any event, one
/// finding for each user and right.
fn by_rbac(scene: &Scene) -> Vec<Symptom> {
    let recent = scene.events.all().filter(|event| event.age < RECENT);
    recent
        .filter_map(|event| rbac_refusal(scene, event))
        .collect()
}

fn rbac_refusal(scene: &Scene, event: Event) -> Option<Symptom> {
    let (_, refused) = event.message.split_once("is forbidden: User ")?;
    let user = refused.split('"').nth(1)?;
    let (_, right) = refused.split_once(" cannot ")?;
    let right = shortened(right.split(['\n', ';']).next()?);
    let target = about(scene, event).unwrap_or(event.index);
    let found = Symptom::new("rbac-refused", target).key(&[user, " ", &right].concat());
    Some(found.arg("user", user).arg("right", &right))
}

/// What the event is about, where that was supplied.
fn about(scene: &Scene, event: Event) -> Option<u32> {
    let object = scene.object(event.index)?;
    let text = |pointer: &str| object.text(pointer).unwrap_or_default();
    let (index, _) = scene.find(
        text("/involvedObject/kind"),
        text("/involvedObject/namespace"),
        text("/involvedObject/name"),
    )?;
    Some(scene.workload(index))
}
