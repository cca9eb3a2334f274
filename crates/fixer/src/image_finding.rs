//! What is said of one who uses certain images.

use crate::image_user::ImageUser;
use crate::naming;
use crate::report::Finding;

impl ImageUser<'_> {
    /// A finding about it, with the placeholders `{workload}` and `{images}`: an error once a pod cannot pull one of the
    /// images, and a warning before.
    pub fn finding(&self, message: &str) -> Finding {
        let finding = match self.failing.is_empty() {
            true => Finding::warning(message),
            false => Finding::error(message),
        };
        let finding = finding
            .on(self.index)
            .seen_on(self.failing.iter().map(|pod| pod.index))
            .arg("workload", self.name.as_str())
            .arg("images", self.images());
        match self.containers.first() {
            Some((container, _)) => finding.at(container.pointer_to("image")),
            None => finding,
        }
    }

    /// The finding, with the same placeholders, that another image may be behind its moving tags, such as `latest`, than
    /// the one that runs now; `None` where it has no such tags.
    pub fn moving_tags(&self, message: &str) -> Option<Finding> {
        let containers = self.containers.iter();
        let moving = containers.filter(|(_, image)| image.is_moving());
        let images = naming::list(moving.map(|(container, _)| container.image));
        let finding = Finding::info(message).on(self.index);
        let finding = finding.arg("workload", self.name.as_str());
        (!images.is_empty()).then(|| finding.arg("images", images))
    }
}
