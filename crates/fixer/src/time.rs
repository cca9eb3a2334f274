//! Times as Kubernetes and kubectl write them.

/// A time as RFC 3339 writes it, in seconds since 1970-01-01 UTC; fractions of a second are left out. The API server
/// writes UTC (`2024-08-02T01:30:00Z`), kubectl the time of a restart in its own zone (`2024-08-02T10:30:00+09:00`).
/// `None` for anything else.
pub fn seconds(time: &str) -> Option<i64> {
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let zone = time
        .get(19..)?
        .trim_start_matches(['.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let ahead = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        ("+", zone) => minutes(zone)?,
        ("-", zone) => -minutes(zone)?,
        _ => return None,
    };
    // Years are counted from March, so that the leap day is the last of its year.
    let year = if month < 3 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute - ahead) * 60 + second)
}

/// `09:00` in minutes.
fn minutes(zone: &str) -> Option<i64> {
    let (hours, minutes) = zone.split_once(':')?;
    Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_seconds_in_any_zone() {
        for (time, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2024-03-01T00:00:00Z", 1_709_251_200),
            ("2024-03-01T09:00:00+09:00", 1_709_251_200),
            ("2024-02-29T20:30:00.125-03:30", 1_709_251_200),
            ("2024-12-31T23:59:60Z", 1_735_689_600),
        ] {
            assert_eq!(seconds(time), Some(expected), "{time}");
        }
        for time in [
            "",
            "2024-03-01",
            "2024-03-01T00:00:00",
            "2024-03-01T00:00:00+9",
            "한글한글한글한글",
        ] {
            assert_eq!(seconds(time), None, "{time}");
        }
    }
}
