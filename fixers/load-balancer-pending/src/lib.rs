//! Services that wait for a load balancer are told apart by what the cloud says, and load balancers of one name are found.
//!
//! Not in the guide. The controller writes why it could not make a load balancer into events of the Service, in the words
//! of the cloud. What helps is a matter of quotas, floating IPs and addresses, so nothing is changed here.
//!
//! | Question | answered in |
//! |---|---|
//! | Which Services have been waiting for more than a moment, and which name do they ask for? | `service.rs` |
//! | Why did the controller fail, by its events and the Service's own address? | `cause.rs` |
//! | How old is it? | `age.rs` |
//! | What is to be said and done about it? | this file |
//!
//! Left alone: Services that have an address, that are younger than five minutes or being deleted, and those of another
//! load balancer class, which are another controller's.

mod cause;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cause::{Cause, Kind};
use nks_fixer::{Finding, Fixer, Input, Outcome, Report, Step};
use service::Service;

/// The fixer.
#[derive(Debug)]
pub struct LoadBalancerPending;

nks_fixer::export!(LoadBalancerPending);

/// How many Services a message names.
const MOST_NAMES: usize = 10;

/// What a person can do, in this order, and for which kinds of causes.
const REMEDIES: [(&str, &[Kind]); 5] = [
    ("raise-quota", &[Kind::Quota]),
    ("free-addresses", &[Kind::NoAddress]),
    (
        "correct-address",
        &[
            Kind::AddressTaken,
            Kind::AddressOfOther,
            Kind::AddressRefused,
            Kind::AddressMalformed,
        ],
    ),
    ("check-security-groups", &[Kind::SecurityGroup]),
    ("look-closer", &[Kind::Other, Kind::Silent]),
];

impl Fixer for LoadBalancerPending {
    fn analyze(input: &Input) -> Result<Outcome, String> {
        let services = service::of_clouds(input);
        let mut report = Report::default();
        let duplicates = service::duplicates(&services);
        name_duplicates(&duplicates, &mut report);
        let is_duplicate = |service: &Service| {
            let same = |other: &&Service| other.index == service.index;
            duplicates.values().flatten().any(|other| same(&other))
        };

        let mut faults: BTreeMap<(Kind, String), Vec<(Service, Cause)>> = BTreeMap::new();
        for service in &services {
            if !service.is_pending(input.context.now_unix) {
                continue;
            }
            let cause = cause::of(input, &services, service);
            // Two load balancers of one name are reason enough for an error that nothing else explains.
            let is_explained = matches!(cause.kind, Kind::Other | Kind::Silent);
            if !(is_explained && is_duplicate(service)) {
                let key = (cause.kind, cause.same_as().to_owned());
                faults.entry(key).or_default().push((*service, cause));
            }
        }
        name_faults(&faults, &mut report);
        Ok(Outcome::Done(report))
    }
}

/// A finding for each name that several Services ask for, and how to part them.
fn name_duplicates(duplicates: &BTreeMap<&str, Vec<Service>>, report: &mut Report) {
    let mut found = Vec::new();
    for (name, services) in duplicates {
        let finding = on(Finding::error("duplicate-name"), services)
            .at(service::NAME_FIELD)
            .arg("name", *name);
        found.push(report.finding(finding));
    }
    if !found.is_empty() {
        add(&["keep-addresses", "recreate-services"], &found, report);
    }
}

/// A finding for each cause, and then what helps against each kind of cause.
fn name_faults(faults: &BTreeMap<(Kind, String), Vec<(Service, Cause)>>, report: &mut Report) {
    let mut found = Vec::new();
    for ((kind, _), waiting) in faults {
        let Some((_, cause)) = waiting.first() else {
            continue;
        };
        let services: Vec<Service> = waiting.iter().map(|(service, _)| *service).collect();
        let finding = match kind {
            Kind::Silent => Finding::warning(kind.message()),
            _ => Finding::error(kind.message()),
        };
        let finding = on(finding, &services)
            .seen_on(waiting.iter().filter_map(|(_, cause)| cause.event))
            .arg("reason", cause.reason.as_str())
            .arg("address", cause.address.as_str())
            .arg("other", cause.other.as_str());
        found.push((*kind, report.finding(finding)));
    }
    for (message, kinds) in REMEDIES {
        let mended: Vec<u32> = found
            .iter()
            .filter(|(kind, _)| kinds.contains(kind))
            .map(|(_, finding)| *finding)
            .collect();
        if !mended.is_empty() {
            add(&[message], &mended, report);
        }
    }
    if !found.is_empty() {
        let all: Vec<u32> = found.iter().map(|(_, finding)| *finding).collect();
        add(&["wait-for-retry"], &all, report);
    }
}

/// A finding about Services, the first of which stands for the others.
fn on(finding: Finding, services: &[Service]) -> Finding {
    let names: Vec<String> = services.iter().map(Service::title).collect();
    let mut text = names[..names.len().min(MOST_NAMES)].join(", ");
    if names.len() > MOST_NAMES {
        text.push_str(", …");
    }
    let finding = match services.first() {
        Some(first) => finding.on(first.index),
        None => finding,
    };
    finding
        .seen_on(services.iter().skip(1).map(|service| service.index))
        .arg("services", text)
}

fn add(messages: &[&str], findings: &[u32], report: &mut Report) {
    for message in messages {
        let step = Step::manual(message);
        report.step(findings.iter().fold(step, |step, &one| step.mends(one)));
    }
}
