//! Tables for people: a line of titles, then a line for each row.
#![forbid(unsafe_code)]

/// The table of `rows`: numbers stand under each other, and so do the beginnings of the columns that `texts` names. The last
/// column is as wide as it is.
pub fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]], texts: &[&str]) -> String {
    let head = titles.map(str::to_string);
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths).zip(titles).enumerate();
        let cells = cells.map(|(column, ((cell, &width), title))| match column {
            _ if column + 1 == N => cell.clone(),
            _ if texts.contains(&title) => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_each_other() {
        let rows = [["a", "1", "x"], ["long", "1000", "y z"]].map(|row| row.map(str::to_string));
        let expected = "NAME     N  LAST\na        1  x\nlong  1000  y z\n";
        assert_eq!(table(["NAME", "N", "LAST"], &rows, &["NAME"]), expected);
    }
}
