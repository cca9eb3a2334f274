//! Kubernetes quantities, so that `1Gi`, `1024Mi`, `1073741824` and `1073741824000m` are the same.
//!
//! The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a decimal number, and behind it a binary suffix, a
//! decimal one, or an exponent.

use serde_json::Value;

/// Thousandths of a unit, the least that a suffix can say of what matters.
const MILLI: u128 = 1_000;

/// The quantity in thousandths of a unit (of a byte, of a core), rounded up; `None` where it is not one, or is beyond all
/// sizes.
pub fn milli(value: &Value) -> Option<u128> {
    match value {
        Value::String(text) => parse(text),
        // A file that a person wrote may hold plain bytes.
        Value::Number(number) => parse(&number.as_u64()?.to_string()),
        _ => None,
    }
}

fn parse(text: &str) -> Option<u128> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = [whole, fraction].concat().parse().ok()?;
    let (multiplier, divisor) = scale(suffix)?;
    let divisor = divisor.checked_mul(power(10, fraction.len() as u32)?)?;
    let product = digits.checked_mul(multiplier)?.checked_mul(MILLI)?;
    Some(product.div_ceil(divisor))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    fn milli(text: &str) -> Option<u128> {
        super::milli(&text.into())
    }

    #[test]
    fn a_size_has_many_spellings() {
        for spelling in [
            "1Gi",
            "1024Mi",
            "1048576Ki",
            "1073741824",
            "1073741824000m",
            "1073741824e0",
            "1.0Gi",
        ] {
            assert_eq!(milli(spelling), Some(1_073_741_824_000), "{spelling}");
        }
        assert_eq!(super::milli(&json!(1_073_741_824)), milli("1Gi"));
        assert_eq!(milli("1e3"), milli("1k"));
        assert_eq!(milli("12E6"), milli("12M"));
        assert_eq!(milli("1E"), milli("1e18"));
        assert_eq!(milli("1500e-3"), milli("1500m"));
        assert_eq!(milli(".5Gi"), milli("512Mi"));
        assert_eq!(milli("1u"), Some(1), "rounded up, as Kubernetes does");
    }

    #[test]
    fn sizes_are_compared_and_not_their_texts() {
        assert!(milli("10G") < milli("10Gi"));
        assert!(milli("9Gi") < milli("10Gi"));
        assert!(milli("1Ti") > milli("1000Gi"));
        assert!(milli("16Ei").is_some());
    }

    #[test]
    fn what_is_no_size_is_none() {
        for text in [
            "", "Gi", "10gi", "10 Gi", "-1Gi", "1.2.3", "1e99", "1e", ".",
        ] {
            assert_eq!(milli(text), None, "{text}");
        }
        assert_eq!(super::milli(&json!(1.5)), None);
    }
}
