//! Cases are pictures taken at one time, [`NOW`]. Their times are moved, so that they are as long ago now as they were
//! then.

use jiff::{SignedDuration, Timestamp};
use nks_golden::NOW;
use serde_json::Value;

/// How long ago a case was taken. All its times are moved by one duration, or what was equal would no longer be.
pub(crate) fn passed() -> SignedDuration {
    SignedDuration::from_secs(Timestamp::now().as_second() - NOW)
}

/// The object with all its times moved.
pub(crate) fn moved(object: &Value, passed: SignedDuration) -> Value {
    let mut object = object.clone();
    shift(&mut object, passed);
    object
}

/// The time as the API server writes it.
pub(crate) fn now() -> String {
    written(Timestamp::now().as_second())
}

/// The time at which a case was taken, written the same way.
pub(crate) fn then() -> String {
    written(NOW)
}

fn written(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds);
    time.expect("a time of this century").to_string()
}

fn shift(value: &mut Value, passed: SignedDuration) {
    match value {
        Value::String(text) => {
            let time = text.parse::<Timestamp>();
            if let Some(time) = time.ok().and_then(|time| time.checked_add(passed).ok()) {
                // Kubernetes reads its newer times with six digits of a second only, and its older ones with none.
                let digits = if text.contains('.') { 6 } else { 0 };
                *text = format!("{time:.digits$}");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| shift(value, passed)),
        Value::Object(fields) => fields.values_mut().for_each(|value| shift(value, passed)),
        _ => {}
    }
}
