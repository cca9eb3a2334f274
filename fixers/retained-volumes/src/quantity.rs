//! Kubernetes quantities, so that `1Gi`, `1024Mi`, `1073741824` and `1073741824000m` are the same.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a decimal number, and behind it a binary suffix, a
//! decimal one, or an exponent.

use serde_json::Value;

/// The quantity in bytes, rounded up; `None` where it is not one, or is beyond all sizes.
pub(crate) fn bytes(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => parse(text),
        // A file that a person wrote may hold plain bytes.
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

fn parse(text: &str) -> Option<u64> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = [whole, fraction].concat().parse().ok()?;
    let (multiplier, divisor) = scale(suffix)?;
    let divisor = divisor.checked_mul(power(10, fraction.len() as u32)?)?;
    let bytes = digits.checked_mul(multiplier)?.div_ceil(divisor);
    bytes.try_into().ok()
}

/// What the number is multiplied with, and divided by.
fn scale(suffix: &str) -> Option<(u128, u128)> {
    let multiplier = match suffix {
        "" => 1,
        "Ki" => power(1024, 1)?,
        "Mi" => power(1024, 2)?,
        "Gi" => power(1024, 3)?,
        "Ti" => power(1024, 4)?,
        "Pi" => power(1024, 5)?,
        "Ei" => power(1024, 6)?,
        "k" => power(1000, 1)?,
        "M" => power(1000, 2)?,
        "G" => power(1000, 3)?,
        "T" => power(1000, 4)?,
        "P" => power(1000, 5)?,
        "E" => power(1000, 6)?,
        "m" => return Some((1, 1_000)),
        "u" => return Some((1, 1_000_000)),
        "n" => return Some((1, 1_000_000_000)),
        // `12e6`. A bare `E` is the suffix above.
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let factor = power(10, exponent.unsigned_abs())?;
            return Some(if exponent < 0 {
                (1, factor)
            } else {
                (factor, 1)
            });
        }
    };
    Some((multiplier, 1))
}

fn power(base: u128, exponent: u32) -> Option<u128> {
    base.checked_pow(exponent)
}
