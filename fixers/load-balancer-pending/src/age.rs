//! When an object was made. The API server writes times in UTC: `2026-09-21T13:20:05Z`.

use nks_fixer::Object;

/// When an object was made, in seconds since 1970-01-01 UTC; `None` where it does not say.
pub(crate) fn created(object: &Object) -> Option<i64> {
    seconds(object.text("/metadata/creationTimestamp")?)
}

pub(crate) fn seconds(time: &str) -> Option<i64> {
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Years are counted from March, so that the leap day is the last of its year.
    let year = if month < 3 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    time.ends_with('Z')
        .then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}
