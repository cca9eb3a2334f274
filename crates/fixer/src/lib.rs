//! What a fixer is written with.
//!
//! A fixer is a pure function: it is handed Kubernetes objects and hands back what is wrong with them and the patches
//! that would mend it. It sees no cluster, file, clock or network. Everything it says is a message id of its
//! `fixer.yaml` with arguments; everything it changes is a JSON patch that `kubectl nks` checks, shows and applies.
//!
//! | For | see |
//! |---|---|
//! | what comes in | [`Input`], [`Object`], [`Context`] |
//! | reading objects without long JSON pointers | [`Workload`], [`Pod`], [`Container`], [`Env`], [`Owners`], [`Image`] |
//! | everything with a pod template; who uses certain images, and whose pods cannot pull them | [`Template`], [`image_users`] |
//! | sizes, times, lists of names | [`quantity`], [`time`], [`Object::created`], [`naming`] |
//! | whether a node can pull an image | [`Step::probe_image`], [`Input::image_probe`], [`Verdict`] |
//! | asking no node twice, and why an image was refused | [`Questions`], [`Input::node_to_ask`], [`refusal`] |
//! | what goes out | [`Outcome`], [`Report`], [`Finding`], [`Step`], [`Patch`] |
//!
//! A whole fixer, with its unit test:
//!
//! ```
//! use nks_fixer::{Finding, Fixer, Input, Outcome, Patch, Report, Risk, Step, Workload};
//!
//! /// Images of the frozen registry `k8s.gcr.io` moved to `registry.k8s.io`.
//! pub struct FrozenRegistry;
//!
//! nks_fixer::export!(FrozenRegistry);
//!
//! impl Fixer for FrozenRegistry {
//!     fn analyze(input: &Input) -> Result<Outcome, String> {
//!         let mut report = Report::default();
//!         for workload in input.workloads() {
//!             let mut patch = Patch::default();
//!             for container in workload.containers() {
//!                 if let Some(rest) = container.image.strip_prefix("k8s.gcr.io/") {
//!                     let moved = format!("registry.k8s.io/{rest}");
//!                     patch = patch.replace(&container.pointer_to("image"), container.image, moved);
//!                 }
//!             }
//!             if patch.is_empty() {
//!                 continue;
//!             }
//!             let found = report.finding(
//!                 Finding::warning("frozen-registry").on(workload.index).arg("workload", workload.display_name()),
//!             );
//!             report.step(
//!                 Step::patch("use-new-registry", workload.index, patch)
//!                     .arg("workload", workload.display_name())
//!                     .mends(found)
//!                     .risk(Risk::Disruptive)
//!                     .wait(),
//!             );
//!         }
//!         Ok(Outcome::Done(report))
//!     }
//! }
//!
//! // A unit test needs no cluster and no WebAssembly.
//! use serde_json::json;
//! let input = Input::of_values([json!({
//!     "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dns", "namespace": "kube-system"},
//!     "spec": {"template": {"spec": {"containers": [{"name": "dns", "image": "k8s.gcr.io/coredns:1.8.4"}]}}},
//! })]);
//! let Ok(Outcome::Done(report)) = FrozenRegistry::analyze(&input) else { panic!("needs no second round") };
//! assert_eq!(report.findings[0].args[0].value, "deployment.apps/dns");
//! assert_eq!(report.steps.len(), 1);
//! ```
//!
//! Its crate has `crate-type = ["cdylib", "rlib"]`, and beside `src` a `fixer.yaml` that declares what it reads, writes
//! and says.

mod env;
mod image;
mod image_finding;
mod image_user;
mod input;
pub mod naming;
mod owner;
mod patch;
mod pod;
mod probe;
pub mod quantity;
mod question;
pub mod refusal;
mod rename;
mod report;
mod step;
mod template;
pub mod time;
mod workload;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod world;

pub use env::{Env, Said};
pub use image::Image;
pub use image_user::{ImageUser, Maker, image_users};
pub use input::{Context, Input, Object};
pub use owner::Owners;
pub use patch::{Patch, escape};
pub use pod::{ContainerStatus, Pod, Waiting};
pub use probe::Verdict;
pub use question::Questions;
pub use report::{Arg, Finding, Outcome, Query, Report, Severity};
pub use step::{Change, Expectation, Risk, Step};
pub use template::Template;
pub use workload::{Container, Workload};

/// The one thing a fixer implements.
pub trait Fixer {
    /// Looks at the objects and answers with a report, or with the further reads that it needs first.
    ///
    /// Must depend on nothing but `input`: the same input gives the same answer, byte for byte.
    ///
    /// # Errors
    /// A text for the fixer's author, for input that cannot be worked with. What a user should know is a [`Finding`].
    fn analyze(input: &Input) -> Result<Outcome, String>;
}

/// Makes a [`Fixer`] the one that this crate's component exports. Expands to nothing outside WebAssembly.
#[cfg(target_arch = "wasm32")]
#[macro_export]
macro_rules! export {
    ($fixer:ty) => {
        const _: () = {
            type Exported = $crate::world::Exported<$fixer>;
    $crate::world::export_component!(Exported with_types_in $crate::world::bindings);
        };
    };
}

/// Makes a [`Fixer`] the one that this crate's component exports. Expands to nothing outside WebAssembly.
#[cfg(not(target_arch = "wasm32"))]
#[macro_export]
macro_rules! export {
    ($fixer:ty) => {
        // Named all the same, so that a wrong type is an error of `cargo test` too.
        const _: fn(
            &$crate::Input,
        ) -> ::core::result::Result<$crate::Outcome, ::std::string::String> =
            <$fixer as $crate::Fixer>::analyze;
    };
}
