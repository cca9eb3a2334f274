//! Containers that start and do not stay: out of memory, out of work, or in a loop of crashes; and those that cannot be
//! started at all.

use nks_fixer::Pod;

use crate::probe;
use crate::scene::{Scene, text};
use crate::status::{Status, Termination};
use crate::symptom::Symptom;
use crate::words::{holds, quoted, shortened};

/// Seconds that a restart counts as part of a loop, although the container runs again.
const RECENT: i64 = 600;

/// Stands for the exit code of a container of which only the back-off is known.
const UNKNOWN: i64 = i64::MIN;

/// What a container shows that does not stay up; `None` for every other.
pub(crate) fn symptom(scene: &Scene, pod: &Pod, status: &Status) -> Option<Symptom> {
    if let Some(("RunContainerError" | "CreateContainerError", message)) = status.waiting {
        return Some(cannot_start(scene, pod, status, message));
    }
    let ended = last_end(scene, pod, status)?;
    if ended.reason == "OOMKilled" {
        return Some(out_of_memory(scene, pod, status));
    }
    if matches!(ended.reason, "StartError" | "ContainerCannotRun") {
        return Some(cannot_start(scene, pod, status, ended.message));
    }
    // What it waits for may still be starting too.
    if scene.is_starting(pod) && status.restarts < 3 {
        return None;
    }
    // A container that its probe stops ends by SIGKILL, by SIGTERM, or in order; any other code is its own.
    if matches!(ended.exit_code, 0 | 137 | 143)
        && let Some(found) = probe::liveness(scene, pod, status)
    {
        return Some(found);
    }
    let code = ended.exit_code.to_string();
    let found = |id| of_container(scene, id, pod, status).arg("code", &code);
    Some(match ended.exit_code {
        UNKNOWN => of_container(scene, "crash-loop-unknown", pod, status),
        0 => found("exits-at-once"),
        _ => found("crash-loop").log(pod.index, status.name),
    })
}

/// How the container ended last, where it is in a loop of ends: it waits for its next start, or was just started again.
fn last_end<'a>(scene: &Scene, pod: &Pod, status: &Status<'a>) -> Option<Termination<'a>> {
    if let Some(("CrashLoopBackOff", _)) = status.waiting {
        return status.ended_before.or(status.ended).or(Some(Termination {
            exit_code: UNKNOWN,
            reason: "",
            message: "",
            finished: None,
        }));
    }
    // A Job's pod that has ended is its Job's business.
    let restarts = text(&pod.value, "/spec/restartPolicy") != "Never";
    if let Some(ended) = status.ended {
        let failed = ended.exit_code != 0 || ended.reason == "OOMKilled";
        return (failed && restarts && status.restarts > 1).then_some(ended);
    }
    let ended = status.ended_before?;
    let again = status.running_since.is_some() && !status.ready && status.restarts > 1;
    (again && scene.since(ended.finished) < RECENT).then_some(ended)
}

/// Folded by workload and container: one pod may have two containers that crash, each for its own reason.
pub(crate) fn of_container(scene: &Scene, id: &'static str, pod: &Pod, status: &Status) -> Symptom {
    Symptom::of_pod(scene, id, pod.index)
        .key(&[&scene.family(pod.index), "/", status.name].concat())
        .arg("container", status.name)
        .restarts(status.restarts)
}

fn out_of_memory(scene: &Scene, pod: &Pod, status: &Status) -> Symptom {
    let limit = text(status.spec, "/resources/limits/memory");
    if limit.is_empty() {
        of_container(scene, "oom-killed-no-limit", pod, status)
    } else {
        of_container(scene, "oom-killed", pod, status).arg("limit", limit)
    }
}

fn cannot_start(scene: &Scene, pod: &Pod, status: &Status, message: &str) -> Symptom {
    let absent = holds(
        message,
        &["executable file not found", "no such file or directory"],
    );
    match quoted(message, "exec: ") {
        Some(command) if absent => {
            of_container(scene, "command-not-found", pod, status).arg("command", command)
        }
        _ => of_container(scene, "container-cannot-start", pod, status)
            .arg("reason", &shortened(message)),
    }
}
