//! Of the client, without a worker; with one, in the worker's own tests.

use super::*;
use crate::protocol::Request;

fn frame(message: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, message).unwrap();
    bytes
}

#[test]
fn what_is_asked_is_what_the_worker_reads() {
    let analyze = || Analyze {
        fixer: Source::BuiltIn("a".into()),
        now_unix: 1,
        round: 2,
        cluster: "{}".into(),
        settings: "{}".into(),
        objects: Vec::new(),
    };
    assert_eq!(frame(&Ask::List), frame(&Request::List));
    let component = vec![1, 2, 3];
    assert_eq!(
        frame(&Ask::Inspect {
            component: &component
        }),
        frame(&Request::Inspect { component })
    );
    assert_eq!(
        frame(&Ask::Analyze(&analyze())),
        frame(&Request::Analyze(analyze()))
    );
}

#[test]
fn a_worker_that_is_not_there_is_named() {
    let problem = Sandbox::start(Path::new("/nowhere/nks-worker"), None)
        .err()
        .unwrap();
    assert_eq!(
        problem.to_string(),
        "the worker /nowhere/nks-worker did not start"
    );
}

#[test]
fn only_the_end_of_what_the_worker_says_is_kept() {
    let said = [b"a".repeat(5_000), b"the end".to_vec()].concat();
    let kept = tail(said.as_slice());
    assert_eq!(kept.len(), TAIL);
    assert!(kept.ends_with(b"the end"));
}
