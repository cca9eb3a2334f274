//! The alternative to a Calico-VXLAN cluster: no connect-time load balancing, only the NAT table. What stands against it,
//! and the step that sets it.

use nks_fixer::{Context, Finding, Patch, Risk, Said, Step};

use crate::calico::{Calico, Felix, Node, SETTINGS, Setting, Version};
use crate::name;

/// Felix's older setting, for TCP and UDP together.
const DEPRECATED: (&str, &str) = (
    "FELIX_BPFCONNECTTIMELOADBALANCINGENABLED",
    "bpfConnectTimeLoadBalancingEnabled",
);

/// What stands against setting the two values; any of it leaves no plan.
pub(crate) fn obstacles(calico: &Calico) -> Vec<Finding> {
    let version = match calico.version() {
        Version::Unknown => {
            Some(Finding::info("calico-version-unknown").arg("image", calico.image()))
        }
        version if version.has_settings() => None,
        _ => {
            // The older setting is the only one there, and nobody should be told to remove it.
            return vec![Finding::info("calico-too-old").arg("version", calico.tag())];
        }
    };
    let mut found: Vec<Finding> = version.into_iter().collect();
    let hidden = hidden(calico);
    if !hidden.is_empty() {
        found.push(Finding::info("settings-unknown").arg("variables", hidden.join(", ")));
    }
    let deprecated = deprecated(calico);
    if !deprecated.is_empty() {
        found.push(Finding::info("deprecated-option").arg("places", deprecated.join(", ")));
    }
    if calico.by_operator {
        if let Some(workload) = &calico.second_install {
            found.push(Finding::info("installed-twice").arg("workload", name(workload)));
        }
        if calico.felix.is_none() {
            found.push(Finding::info("felix-configuration-missing"));
        }
        let overriding = overriding(calico);
        if !overriding.is_empty() {
            found.push(Finding::info("overridden").arg("places", overriding.join(", ")));
        }
    }
    found
}

/// The variables that have no entry, and that `envFrom` may bring in.
fn hidden(calico: &Calico) -> Vec<&'static str> {
    let variables = SETTINGS.iter().map(|setting| setting.variable);
    variables
        .filter(|variable| calico.says(variable) == Said::Hidden)
        .collect()
}

/// Where the older setting is found.
fn deprecated(calico: &Calico) -> Vec<String> {
    let (variable, field) = DEPRECATED;
    let node = calico.node.as_ref();
    let node = node.filter(|node| node.env.named(variable).next().is_some());
    let felix = calico.felix.iter().chain(&calico.of_nodes);
    let felix = felix.filter(|felix| felix.field(field).is_some());
    let node = node.map(|node| name(&node.workload));
    node.into_iter()
        .chain(felix.map(|felix| name(felix.object)))
        .collect()
}

/// What would win over the FelixConfiguration for all nodes, and says something else.
fn overriding(calico: &Calico) -> Vec<String> {
    let any = |test: &dyn Fn(&Setting) -> bool| SETTINGS.iter().any(test);
    let in_env = any(&|setting| match calico.says(setting.variable) {
        Said::Text(text) => !text.eq_ignore_ascii_case(setting.value),
        Said::Unknown => true,
        Said::Hidden | Said::Nothing => false,
    });
    let node = calico.node.as_ref().filter(|_| in_env);
    let felix = calico.of_nodes.iter();
    let felix = felix.filter(|felix| any(&|setting| felix.contradicts(setting)));
    let node = node.map(|node| name(&node.workload));
    node.into_iter()
        .chain(felix.map(|felix| name(felix.object)))
        .collect()
}

/// The operator takes back what is set on its DaemonSet, so there the settings go where it leaves them alone.
pub(crate) fn step(context: &Context, calico: &Calico) -> Option<Step> {
    if calico.by_operator {
        calico.felix.as_ref().map(configure)
    } else {
        let node = calico.node.as_ref();
        node.map(|node| set_variables(context, node))
    }
}

fn set_variables(context: &Context, node: &Node) -> Step {
    let managed_as_addon = context.is_nks() && context.kubernetes_version() >= Some((1, 30));
    let message = if managed_as_addon {
        "leave-connections-alone-addon"
    } else {
        "leave-connections-alone"
    };
    let target = node.workload.index;
    let variables = SETTINGS.map(|setting| (setting.variable, setting.value));
    let (patch, places) = node.env.set(&variables);
    let mut step = Step::patch(message, target, patch)
        .arg("workload", name(&node.workload))
        .risk(Risk::Disruptive)
        .wait();
    for (pointer, value) in places {
        step = step.expect(target, pointer, value);
    }
    step
}

/// Felix watches its FelixConfiguration, so there is no rollout to wait for.
fn configure(felix: &Felix) -> Step {
    let pointer_to = |setting: &Setting| ["/spec/", setting.field].concat();
    let mut patch = Patch::default();
    for setting in &SETTINGS {
        let pointer = pointer_to(setting);
        patch = match felix.field(setting.field) {
            Some(old) => patch.replace(&pointer, old.clone(), setting.value),
            None => patch.add(&pointer, setting.value),
        };
    }
    let mut step = Step::patch("leave-connections-alone-felix", felix.index, patch)
        .arg("configuration", name(felix.object))
        .risk(Risk::Disruptive);
    for setting in &SETTINGS {
        step = step.expect(felix.index, pointer_to(setting), setting.value);
    }
    step
}
