//! `fix --from`: the plan, the diff and the patched objects, and nothing that touches a cluster.

use std::path::Path;

use nks_core::approval::Preview;
use nks_core::output::{Document, PlanOutput, StepOutput};
use nks_core::plan::{Act, Plan, PlannedStep};
use nks_core::{diff, secret, yaml};

use super::{Mending, Planned};
use crate::failure::{Ended, Failure};
use crate::files;
use crate::plan_screen;
use crate::screen::Format;
use crate::source::Source;

impl Mending<'_> {
    /// `--from`: the plan and the diff, and the patched objects where asked for.
    pub(super) async fn on_paper(&mut self, source: &Source) -> Result<Ended, Failure> {
        let planned = self.plan(source).await?;
        if self.command.output != Format::Text {
            self.screen
                .value(self.command.output, self.document(&planned))?;
        } else if self.show_findings(&planned)? {
            plan_screen::show(self.screen, &planned.plan, &Preview::default())?;
            for (_, patch) in planned.plan.patches() {
                if let Some(manager) = patch.managed_by {
                    let values = [
                        ("object", &*patch.id.to_string()),
                        ("manager", &*manager.to_string()),
                    ];
                    self.screen
                        .note(&self.screen.say("managed-warning", &values));
                }
            }
        }
        if let Some(folder) = &self.command.write {
            self.write(folder, &planned.plan)?;
        }
        Ok(if planned.analysis.report.finds_a_problem() {
            Ended::Found
        } else {
            Ended::Done
        })
    }

    /// Writes each patched or created object to a file of its own, and says what is to be deleted. Nothing that is there
    /// already is overwritten.
    fn write(&self, folder: &Path, plan: &Plan) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)?;
        for patch in plan.changes() {
            if patch.act() == Act::Delete {
                let command = format!("kubectl delete {}", patch.id);
                let said = self.screen.say("to-delete", &[("command", &command)]);
                self.screen.note(&said);
                continue;
            }
            let path = folder.join(format!("{}.yaml", diff::file_name(&patch.id)));
            let after = match patch.act() {
                Act::Create => patch.sent(),
                _ => patch.after.clone(),
            };
            let text = yaml::write(&nks_core::object::content(&after));
            let mut file =
                files::create(&path, secret::is_secret(&patch.after)).map_err(|problem| {
                    let values = [
                        ("path", &*path.display().to_string()),
                        ("problem", &*problem.to_string()),
                    ];
                    Failure::error(self.screen.say("cannot-write", &values))
                })?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            self.screen.note(
                &self
                    .screen
                    .say("written", &[("path", &path.display().to_string())]),
            );
        }
        Ok(())
    }

    /// The plan as data.
    fn document(&self, planned: &Planned) -> Document {
        let step = |step: &PlannedStep| {
            let patch = step.action.patch();
            StepOutput {
                message: self.screen.render(&step.message, &step.args),
                object: patch.map(|patch| patch.id.clone()),
                act: patch.map(|patch| patch.act()),
                risk: step.risk,
                wait: step.wait,
                needs: step.needs.clone(),
                managed_by: patch.and_then(|patch| patch.managed_by),
                patch: patch
                    .filter(|patch| patch.act() == Act::Patch)
                    .map(|patch| patch.shown_operations()),
                created: patch
                    .filter(|patch| patch.act() == Act::Create)
                    .map(|patch| {
                        let mut created = patch.after.clone();
                        secret::mask(&mut created);
                        created
                    }),
            }
        };
        Document::Plan(PlanOutput {
            fixer: self.fixer.manifest.name().to_owned(),
            steps: planned.plan.steps.iter().map(step).collect(),
        })
    }
}
