//! Asking the API server beforehand whether it will allow what a run is going to do.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use http::Method;
use nks_core::rights::Right;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::{RequestError, Target};
use crate::request::{Call, JSON};

/// How many reviews are asked for at the same time.
const CONCURRENT: usize = 8;
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

impl Cluster {
    /// Those of `rights` that the server says the user lacks, in order.
    pub async fn missing_rights(
        &self,
        rights: &BTreeSet<Right>,
    ) -> Result<Vec<Right>, RequestError> {
        let reviews = rights.iter().map(|right| async move {
            let allowed = self.is_allowed(right).await?;
            Ok((!allowed).then(|| right.clone()))
        });
        let answers: Vec<Option<Right>> = futures::stream::iter(reviews)
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn is_allowed(&self, right: &Right) -> Result<bool, RequestError> {
        let target = Target {
            verb: "create",
            resource: "selfsubjectaccessreviews.authorization.k8s.io".into(),
            namespace: None,
        };
        // A POST by its form, but it stores nothing, so it may be asked again.
        let call = Call::with_body(Method::POST, REVIEWS.into(), target, JSON, &review(right));
        let answer = self.call_read(&call).await?;
        let allowed = answer.pointer("/status/allowed").and_then(Value::as_bool);
        allowed.ok_or(RequestError::Malformed)
    }
}

fn review(right: &Right) -> Value {
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": right.namespace.as_deref().unwrap_or_default(),
            "group": right.group,
            "resource": right.resource,
            "verb": right.verb,
            "name": right.name.as_deref().unwrap_or_default(),
        }},
    })
}
