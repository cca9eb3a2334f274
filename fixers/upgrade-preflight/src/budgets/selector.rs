//! Which pods a label selector selects. Source: Kubernetes API reference, LabelSelector.

use nks_fixer::Object;
use serde_json::Value;

/// Whether `selector` selects the pod. An empty selector selects every pod, none at all selects no pod (policy/v1).
pub(crate) fn selects(selector: Option<&Value>, pod: &Object) -> bool {
    let Some(selector) = selector.filter(|selector| selector.is_object()) else {
        return false;
    };
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    labels
        .into_iter()
        .flatten()
        .all(|(key, value)| pod.label(key) == value.as_str())
        && expressions
            .into_iter()
            .flatten()
            .all(|expression| holds(expression, pod))
}

fn holds(expression: &Value, pod: &Object) -> bool {
    let text = |key: &str| expression.get(key).and_then(Value::as_str);
    let label = pod.label(text("key").unwrap_or_default());
    let values = expression.get("values").and_then(Value::as_array);
    let is_listed = label.is_some_and(|label| {
        let mut values = values.into_iter().flatten();
        values.any(|value| value.as_str() == Some(label))
    });
    match text("operator") {
        Some("In") => is_listed,
        Some("NotIn") => !is_listed,
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}
