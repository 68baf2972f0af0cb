//! How answers look on a terminal: plain columns without colour, or the server's JSON. Not here: what the columns are.

use comfy_table::{Table, presets};

/// A table with a header line and one line per row.
pub(super) fn list<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Table {
    let mut table = plain();
    table.set_header(header);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| printable(&cell))));
    table
}

/// One thing, a line per property.
pub(super) fn card<'n>(lines: impl IntoIterator<Item = (&'n str, String)>) -> Table {
    let mut table = plain();
    table.add_rows(lines.into_iter().map(|(name, value)| [name.to_owned(), printable(&value)]));
    table
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Names and addresses were chosen by others: control characters must not reach the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let table = list(["NAME", "BYTES"], [["a".into(), "1".into()], ["long-name".into(), "22".into()]]);
        assert_eq!(table.trim_fmt(), " NAME       BYTES\n a          1\n long-name  22");
        assert_eq!(card([("name", "a".into()), ("bytes", "1".into())]).trim_fmt(), " name   a\n bytes  1");
    }

    #[test]
    fn control_characters_are_spelled_out() {
        assert_eq!(printable("a\u{1b}[31mé\n"), "a\\u{1b}[31mé\\u{a}");
    }
}
