//! Times as Kubernetes writes them.

/// Seconds since 1970-01-01 UTC of `2026-09-21T13:33:20Z`, with or without a fraction; `None` for anything else.
pub(crate) fn unix(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let zone = text.get(19..)?;
    if !zone.ends_with('Z') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that a leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::unix;

    #[test]
    fn times_are_seconds() {
        assert_eq!(unix("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(unix("2026-09-21T14:13:20Z"), Some(1_790_000_000));
        assert_eq!(unix("2026-09-21T14:13:20.123456Z"), Some(1_790_000_000));
        assert_eq!(unix("2024-02-29T00:00:00Z"), Some(1_709_164_800));
        for other in ["", "yesterday", "2026-09-21T14:13:20+09:00"] {
            assert_eq!(unix(other), None, "{other}");
        }
    }
}
