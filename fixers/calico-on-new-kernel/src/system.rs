//! The system that a node runs, by what its kubelet tells.

use nks_fixer::Object;

/// What matters of a node's system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum System {
    /// Rocky Linux 9.5, Ubuntu 24.04 or later.
    Named,
    /// Another system, but with a kernel that old versions of Calico do not know.
    KernelAsNew,
    /// Neither the system nor the kernel is that new.
    Older,
    /// The image is not told, or its version cannot be read.
    Unknown,
}

/// From these versions on, NHN Cloud's user guide asks for Calico v3.28.2.
const NAMED: [(&str, (u32, u32)); 2] = [("Rocky Linux", (9, 5)), ("Ubuntu", (24, 4))];

impl System {
    pub(crate) fn of(node: &Object) -> Self {
        let image = image(node);
        if image.is_empty() {
            return Self::Unknown;
        }
        let mut named = NAMED.iter();
        let named = named.find_map(|(name, first)| Some((image.strip_prefix(name)?, first)));
        if let Some((rest, first)) = named {
            match two_numbers(rest.trim_start()) {
                Some(version) if version >= *first => return Self::Named,
                Some(_) => {}
                None => return Self::Unknown,
            }
        }
        match is_as_new(kernel(node)) {
            Some(true) => Self::KernelAsNew,
            Some(false) => Self::Older,
            None => Self::Unknown,
        }
    }
}

/// `Ubuntu 24.04.3 LTS`
pub(crate) fn image(node: &Object) -> &str {
    node.text("/status/nodeInfo/osImage").unwrap_or_default()
}

/// `6.8.0-88-generic`
pub(crate) fn kernel(node: &Object) -> &str {
    node.text("/status/nodeInfo/kernelVersion")
        .unwrap_or_default()
}

/// Whether Calico before v3.27 cannot be expected to load its programs: reported for v6.1 (calico #8001). Red Hat took the
/// same into its v5.14 with Rocky Linux 9.5, whose kernel is 5.14.0-503. `None` for what is no version.
fn is_as_new(kernel: &str) -> Option<bool> {
    let (version, build) = kernel.split_once('-').unwrap_or((kernel, ""));
    let version = two_numbers(version)?;
    let build = build
        .split('.')
        .next()
        .and_then(|one| one.parse::<u32>().ok());
    let is_red_hats = kernel.contains(".el9");
    Some(version >= (6, 1) || (is_red_hats && version == (5, 14) && build >= Some(503)))
}

/// (24, 4) for `24.04.3 LTS`. As numbers: 8.10 is older than 9.5, and 9.10 is not.
fn two_numbers(text: &str) -> Option<(u32, u32)> {
    let text = text.split(' ').next()?;
    let mut numbers = text.split('.');
    let first = numbers.next()?.parse().ok()?;
    let second = numbers.next()?.parse().ok()?;
    Some((first, second))
}
