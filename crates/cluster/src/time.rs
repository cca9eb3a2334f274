//! Time stamps as Kubernetes and the journal write them: RFC 3339, UTC.

use jiff::Timestamp;

/// `2026-01-02T03:04:05Z`
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Now, for a journal record.
pub(crate) fn now() -> String {
    seconds(Timestamp::now())
}

/// `2026-01-02T03:04:05.000006Z`, the only form that the API server takes for a MicroTime.
pub(crate) fn micros(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_utc() {
        let at: Timestamp = "2026-01-02T03:04:05.000006789+00:00".parse().unwrap();
        assert_eq!(seconds(at), "2026-01-02T03:04:05Z");
        assert_eq!(micros(at), "2026-01-02T03:04:05.000006Z");
    }
}
