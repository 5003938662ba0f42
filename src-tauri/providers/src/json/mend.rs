//! JSON with a text that was cut through a character: half of one is no text, and a strict parser gives up.
//! Such a fault in a text nobody needs must not hide the rest of the document.

use zeroize::Zeroizing;

/// What stands for a character that cannot be.
const UNKNOWN: &[u8] = b"\\ufffd";
/// Bytes of an escape by number: a backslash, `u`, four digits.
const ESCAPE: usize = 6;

/// The document with such characters in its texts replaced; `None` when there are none, and whatever
/// is wrong with it is something else. Wiped when dropped: a document may hold secrets.
pub(super) fn texts(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // Reserved in one piece: growing would leave copies behind. A byte becomes at most six.
    let faults = faults(bytes, &mut |_| {});
    if faults == 0 {
        return None;
    }
    let room = bytes.len() + faults * UNKNOWN.len();
    let mut mended = Zeroizing::new(Vec::with_capacity(room));
    faults_into(bytes, &mut mended);
    Some(mended)
}

fn faults_into(bytes: &[u8], out: &mut Vec<u8>) {
    faults(bytes, &mut |piece| out.extend_from_slice(piece));
}

/// Walks through the document and hands over what it should be, piece by piece; counts the faults.
fn faults(bytes: &[u8], keep: &mut dyn FnMut(&[u8])) -> usize {
    let (mut at, mut inside, mut found) = (0, false, 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (length, good) = if inside { in_text(rest) } else { (1, true) };
        inside ^= rest[0] == b'"';
        if good {
            keep(&rest[..length]);
        } else {
            found += 1;
            keep(UNKNOWN);
        }
        at += length;
    }
    found
}

/// How many bytes of a text belong together, and whether they are a character.
fn in_text(rest: &[u8]) -> (usize, bool) {
    match rest[0] {
        b'\\' => escaped(rest),
        control if control < 0x20 => (1, false),
        plain if plain < 0x80 => (1, true),
        first => {
            let wanted = match first {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => 1,
            };
            let whole = rest.get(..wanted).filter(|piece| std::str::from_utf8(piece).is_ok());
            whole.map_or((1, false), |piece| (piece.len(), true))
        }
    }
}

fn escaped(rest: &[u8]) -> (usize, bool) {
    let Some(unit) = unit(rest) else {
        // Any other escape: it and what it escapes, so that a quoted quote ends no text.
        return (rest.len().min(2), true);
    };
    match unit {
        0xd800..=0xdbff => {
            let second = rest.get(ESCAPE..).and_then(self::unit);
            let pair = second.is_some_and(|second| (0xdc00..=0xdfff).contains(&second));
            if pair { (2 * ESCAPE, true) } else { (ESCAPE, false) }
        }
        0xdc00..=0xdfff => (ESCAPE, false),
        _ => (ESCAPE, true),
    }
}

/// The number of an escape by number.
fn unit(rest: &[u8]) -> Option<u16> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    let hex = digits.iter().all(u8::is_ascii_hexdigit);
    hex.then(|| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::super::{Odd, Oddities};

    fn read(bytes: &[u8]) -> (Option<serde_json::Value>, Vec<Odd>) {
        let mut odd = Oddities::default();
        let value = odd.document(bytes);
        (value, odd.into_vec().into_iter().map(|it| it.odd).collect())
    }

    #[test]
    fn half_a_character_in_a_text_hides_nothing_else() {
        for broken in [
            &br#""cut \ud83d""#[..],
            br#""\ud83d and on""#,
            br#""\ude00""#,
            br#""\uD83D\uD83D\uDE00""#,
            br#""\\\ud83d""#,
            b"\"raw \xf0\x9f\x98\"",
            b"\"\xff\"",
            b"\"two\nlines\"",
        ] {
            let document = [br#"{"a":"#, broken, br#","\ud83dkey":1,"b":7}"#].concat();
            let (value, odd) = read(&document);
            let shown = String::from_utf8_lossy(broken);
            assert_eq!(value.map(|value| value["b"].clone()), Some(7.into()), "{shown}");
            assert_eq!(odd, [Odd::BadText], "{shown}");
        }
    }

    #[test]
    fn whole_characters_stay_and_other_faults_stay_faults() {
        let (value, odd) = read(br#"{"a":"\ud83d\ude00 \" \\","b":"\ud83d"}"#);
        assert_eq!(value.unwrap()["a"], "\u{1f600} \" \\");
        assert_eq!(odd, [Odd::BadText]);
        for text in [r#"{"a":"\ud83d""#, r#"{"a":"\ud83d}"#, r#"{"a":"\x"}"#, "\u{1}"] {
            assert_eq!(read(text.as_bytes()), (None, vec![Odd::NotJson]), "{text}");
        }
    }
}
