//! Jobs that have given up.

use nks_fixer::{Object, Severity};

use crate::scene::{Scene, condition, condition_text};
use crate::symptom::Symptom;
use crate::words::sentence;

/// A Job that failed longer ago is history: a day, in seconds.
const RECENT: i64 = 86_400;

pub(crate) fn symptoms(scene: &Scene) -> Vec<Symptom> {
    let jobs = scene.each("Job");
    jobs.filter(|(index, job)| has_failed(scene, job) && is_latest(scene, *index, job))
        .map(|(index, job)| {
            let mut found = Symptom::new("job-failed", scene.workload(index))
                .severity(Severity::Warning)
                .key(&index.to_string())
                .arg("job", &scene.name(index))
                .arg("reason", condition_text(job, "Failed", "reason"))
                .arg("said", &sentence(condition_text(job, "Failed", "message")));
            let pods = scene.pods.iter();
            found.related = pods
                .filter(|pod| scene.owners.controller(pod) == Some(index))
                .map(|pod| pod.index)
                .chain([index])
                .collect();
            found
        })
        .collect()
}

fn has_failed(scene: &Scene, job: &Object) -> bool {
    let when = condition_text(job, "Failed", "lastTransitionTime");
    condition(job, "Failed") == "True" && scene.since(Some(when)) < RECENT
}

/// A CronJob's next run makes up for the last; only the latest tells how it is.
fn is_latest(scene: &Scene, index: u32, job: &Object) -> bool {
    let made = |job: &Object| job.text("/metadata/creationTimestamp").map(str::to_owned);
    let Some(owner) = scene.owners.controller(job) else {
        return true;
    };
    let mut jobs = scene.each("Job");
    !jobs.any(|(other, sibling)| {
        other != index
            && scene.owners.controller(sibling) == Some(owner)
            && made(sibling) > made(job)
    })
}
