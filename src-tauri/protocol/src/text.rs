//! Texts from outside (mail addresses, organisations, plans, folders, names) are data on every surface.
//!
//! They are cleaned where they come in, so that the database, the view and every front end hold the
//! same harmless text, and once more where text leaves for a terminal. What is taken out can move a
//! cursor, and hide or reorder what stands beside it.

use std::borrow::Cow;

/// Characters of a text of others that are kept; the rest is cut off with an ellipsis.
pub const TEXT_CHARS_MAX: usize = 200;

/// Whether a character changes how its neighbours are shown instead of showing something itself:
/// controls (C0, DEL, C1), line and paragraph separators, marks of writing direction, zero-width
/// and tag characters.
#[must_use]
pub fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// One harmless line of at most [`TEXT_CHARS_MAX`] characters. White space that breaks or moves a
/// line becomes a space; other unseen characters go.
#[must_use]
pub fn one_line(text: &str) -> String {
    let seen = text.chars().filter_map(|char| match char {
        '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}' => Some(' '),
        char if is_unseen(char) => None,
        char => Some(char),
    });
    let mut kept: String = seen.take(TEXT_CHARS_MAX + 1).collect();
    if kept.chars().count() > TEXT_CHARS_MAX {
        kept.pop();
        kept.pop();
        kept.push('…');
    }
    kept
}

/// The most characters of a name that others give, where it stands among words of ours.
pub const NAME_CHARS_MAX: usize = 40;

/// As [`one_line`], short enough to be a name.
#[must_use]
pub fn short(text: &str) -> String {
    let line = one_line(text);
    if line.chars().count() <= NAME_CHARS_MAX {
        return line;
    }
    let kept: String = line.chars().take(NAME_CHARS_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}

/// The same text in lines: only ends of lines are kept of what is unseen. For the last step before
/// a terminal or a notification.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    if text.chars().any(|char| char != '\n' && is_unseen(char)) {
        text.chars().filter(|char| *char == '\n' || !is_unseen(*char)).collect()
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_the_text_is_taken_out() {
        assert_eq!(one_line("\u{1b}[2J\u{1b}]0;x\u{7}Max"), "[2J]0;xMax");
        assert_eq!(one_line("a\u{9b}31mb"), "a31mb");
        assert_eq!(one_line("evil\u{202e}moc.elpmaxe@a"), "evilmoc.elpmaxe@a");
        assert_eq!(one_line("one\ntwo\tthree\r"), "one two three ");
        assert_eq!(one_line("zero\u{200b}width\u{feff}"), "zerowidth");
        assert_eq!(one_line("Žluť 東京 🙂"), "Žluť 東京 🙂");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let cut = one_line(&"x".repeat(10_000));
        assert_eq!(cut.chars().count(), TEXT_CHARS_MAX);
        assert!(cut.ends_with("x…"));
        let whole = "y".repeat(TEXT_CHARS_MAX);
        assert_eq!(one_line(&whole), whole);
    }

    #[test]
    fn ends_of_lines_are_all_that_stays_in_a_page() {
        assert_eq!(lines("a\u{1b}[1m\nb\u{2066}c"), "a[1m\nbc");
        assert!(matches!(lines("plain\npage"), Cow::Borrowed(_)));
    }
}
