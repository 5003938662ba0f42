//! Compares what was read with what was expected. A key that was not read at all is a failure.

use serde_json::{Map, Value};

/// Differences below this are those of binary fractions.
const NUMBER_TOLERANCE: f64 = 1e-6;

/// Checks every expected key.
///
/// # Errors
/// The first difference.
pub(crate) fn expect(
    expected: &Map<String, Value>,
    read: &Map<String, Value>,
) -> Result<(), String> {
    for (name, wanted) in expected {
        let got = read.get(name).ok_or_else(|| format!("`{name}` is not known"))?;
        if !same(name, wanted, got) {
            return Err(format!("`{name}` is {got}, expected {wanted}"));
        }
    }
    Ok(())
}

fn same(name: &str, wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        // A least wait is kept by any longer one that is still within the cap.
        (Value::Number(_), Value::Number(_)) if name == "min_wait_s" => {
            let (wanted, got) = (wanted.as_f64(), got.as_f64());
            wanted <= got && got <= Some(4_500.0)
        }
        (_, Value::Number(got)) if name == "resets_at" => {
            let got = got.as_f64().unwrap_or(f64::NAN);
            match wanted {
                Value::String(text) => sluice_providers::json::written_instant(text)
                    .is_some_and(|at| (at.0 as f64 / 1e6 - got).abs() < 1e-3),
                Value::Number(seconds) => {
                    seconds.as_f64().is_some_and(|seconds| (seconds - got).abs() < 1.0)
                }
                _ => false,
            }
        }
        // Waits are written with two decimals.
        (Value::Number(wanted), Value::Number(got)) if name == "retry_s" => {
            wanted.as_f64().zip(got.as_f64()).is_some_and(|(a, b)| (a - b).abs() < 0.01)
        }
        (Value::Number(wanted), Value::Number(got)) => {
            let wanted = wanted.as_f64().unwrap_or(f64::NAN);
            (wanted - got.as_f64().unwrap_or(f64::NAN)).abs()
                <= NUMBER_TOLERANCE * wanted.abs().max(1.0)
        }
        (Value::Object(wanted), Value::Object(got)) => expect(wanted, got).is_ok(),
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len()
                && wanted.iter().zip(got).all(|(wanted, got)| same(name, wanted, got))
        }
        _ => wanted == got,
    }
}
