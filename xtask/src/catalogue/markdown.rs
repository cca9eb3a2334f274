//! Text as Markdown: what a manifest says is text, and none of it is markup.

/// Text as it is, with what Markdown would take for markup escaped. A line end stays one, also in a table.
pub(super) fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for character in plain.trim().chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | '<' | '|' | '~' => out.extend(['\\', character]),
            '\n' => out.push_str("<br>"),
            other => out.push(other),
        }
    }
    out
}

/// Text as code, which a table may hold.
pub(super) fn code(plain: &str) -> String {
    // A fence may not be as long as what it holds.
    let fence = if plain.contains('`') { "`` " } else { "`" };
    let end: String = fence.chars().rev().collect();
    format!("{fence}{}{end}", plain.replace('|', "\\|"))
}

/// Several texts as code.
pub(super) fn codes<T: ToString>(plain: &[T]) -> String {
    let each: Vec<String> = plain.iter().map(|item| code(&item.to_string())).collect();
    each.join(", ")
}

/// A table of Markdown cells, with a line end last.
pub(super) fn table(headings: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(headings.len()));
    let rows: String = rows.iter().map(|cells| line(cells)).collect();
    line(headings) + &rule + &rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            text("a | b <c> [d](e) *f* \\g\nh\n"),
            "a \\| b \\<c> \\[d](e) \\*f\\* \\\\g<br>h"
        );
        assert_eq!(code("(?i)error|refused"), "`(?i)error\\|refused`");
        assert_eq!(code("a`b"), "`` a`b ``");
    }

    #[test]
    fn a_table_has_a_rule_as_wide_as_its_headings() {
        let cell = |text: &str| text.to_owned();
        assert_eq!(
            table(&[cell("a"), cell("b")], &[vec![cell("1"), cell("2")]]),
            "| a | b |\n|---|---|\n| 1 | 2 |\n"
        );
    }
}
