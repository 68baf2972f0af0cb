//! Sizes as people write them, to bytes and back. Whole numbers only: a quota is exact.

use crate::level::Percents;

/// Largest size a quota can have, in bytes.
pub(super) const SIZE_MAX: u64 = i64::MAX as u64;

const UNITS: &[(&str, u64)] = &[
    ("b", 1),
    ("kb", 1000),
    ("mb", 1000_u64.pow(2)),
    ("gb", 1000_u64.pow(3)),
    ("tb", 1000_u64.pow(4)),
    ("pb", 1000_u64.pow(5)),
    ("eb", 1000_u64.pow(6)),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
    ("eib", 1 << 60),
];

/// `10GiB`, `500 MB`, `4096`: a whole number and a unit (none: bytes), in any case, 0 to 2^63-1 bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    const EXPECTED: &str = "expected a whole number and a unit, such as 10GiB, 500MB or 4096 (bytes)";
    let digits_end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let factor = match (digits, unit.as_str()) {
        ("", _) => return Err(EXPECTED.to_owned()),
        (_, "") if digits.len() == text.len() => 1,
        (_, unit) => UNITS.iter().find(|(name, _)| *name == unit).ok_or(EXPECTED)?.1,
    };
    let bytes = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
    bytes.filter(|bytes| *bytes <= SIZE_MAX).ok_or_else(|| format!("the largest size is {SIZE_MAX} bytes"))
}

/// Percents of soft limits as they are sent; none for the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Soft(pub(super) Vec<u8>);

/// `80,90,100`: percents of a limit, ascending; `default` for the default.
pub(super) fn parse_soft(text: &str) -> Result<Soft, String> {
    let percents: Option<Vec<u8>> = match text {
        "default" => Some(Vec::new()),
        text => text.split(',').map(|percent| percent.trim().parse().ok()).collect(),
    };
    let holds = percents.filter(|percents| Percents::parse(percents.clone()).is_some());
    holds
        .map(Soft)
        .ok_or_else(|| "expected at most 8 percents, 1 to 100, ascending, such as 80,90,100; or `default`".to_owned())
}

/// How far a usage is: percents of its limit, where crossings are events, and when it will be full.
pub(super) fn format_level(percent: Option<u64>, soft: &[u8]) -> String {
    let percent = percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent}%"));
    let soft: Vec<_> = soft.iter().map(u8::to_string).collect();
    format!("{percent} (events at {}%)", soft.join(", "))
}

/// The exact number of bytes and, from 1 KiB, a rounded-down reading of it: `10737418240 (10 GiB)`, `1600 (~1.5 KiB)`.
pub(super) fn format_size(bytes: u64) -> String {
    let binary = [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((name, shift)) = binary.into_iter().find(|(_, shift)| bytes >> shift > 0) else {
        return bytes.to_string();
    };
    let (whole, rest) = (bytes >> shift, bytes & ((1 << shift) - 1));
    match rest {
        0 => format!("{bytes} ({whole} {name})"),
        // rest < 2^60, so ten times it fits.
        _ => format!("{bytes} (~{whole}.{} {name})", (rest * 10) >> shift),
    }
}

/// A quota: as [`format_size`], and 0 says that there is none.
pub(super) fn format_quota(bytes: u64) -> String {
    if bytes == 0 { "0 (no limit)".to_owned() } else { format_size(bytes) }
}

/// A limit on objects, where 0 says that there is none.
pub(super) fn format_limit(objects: u64) -> String {
    if objects == 0 { "0 (no limit)".to_owned() } else { objects.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse_size(text).ok(), expected, "{text}");
    }

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        check("0", Some(0));
        check("0GiB", Some(0));
        check("4096", Some(4096));
        check("007", Some(7));
        check("1b", Some(1));
        check("1KB", Some(1000));
        check("1KiB", Some(1024));
        check("500MB", Some(500_000_000));
        check("10GiB", Some(10_737_418_240));
        check("10gib", Some(10_737_418_240));
        check("10 GiB", Some(10_737_418_240));
        check("3TB", Some(3_000_000_000_000));
        check("2PiB", Some(2_251_799_813_685_248));
        check("9EB", Some(9_000_000_000_000_000_000));
        check("7EiB", Some(8_070_450_532_247_928_832));
        check("9223372036854775807", Some(SIZE_MAX));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            "GiB",
            "-1",
            "+1",
            "1.5GiB",
            "1e3",
            "1,000",
            "1_000",
            "0x10",
            "1G",
            "1K",
            "10 ",
            " 10",
            "10  GiB",
            "10GiB ",
            "10GiBs",
            "none",
            "∞",
            "١",
            "9223372036854775808",
            "8EiB",
            "10EB",
            "18446744073709551616",
            "99999999999999999999999999",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn percents_ascend_in_a_list() {
        assert_eq!(parse_soft("80, 90,100"), Ok(Soft(vec![80, 90, 100])));
        assert_eq!(parse_soft("default"), Ok(Soft(Vec::new())));
        for bad in ["", "0", "101", "90,80", "80,", "80%", "1,2,3,4,5,6,7,8,9"] {
            assert!(parse_soft(bad).is_err(), "{bad}");
        }
        assert_eq!(format_level(Some(85), &[80, 90]), "85% (events at 80, 90%)");
        assert_eq!(format_level(None, &[80]), "- (events at 80%)");
    }

    #[test]
    fn sizes_are_shown_exactly_and_readably() {
        for (bytes, expected) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1024 (1 KiB)"),
            (1600, "1600 (~1.5 KiB)"),
            (10_737_418_240, "10737418240 (10 GiB)"),
            (10_737_418_239, "10737418239 (~9.9 GiB)"),
            (u64::MAX, "18446744073709551615 (~15.9 EiB)"),
        ] {
            assert_eq!(format_size(bytes), expected);
        }
        assert_eq!(format_quota(0), "0 (no limit)");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bytes in 0..=SIZE_MAX) {
            let shown = format_size(bytes);
            let exact = shown.split(' ').next().unwrap_or_default();
            prop_assert_eq!(parse_size(exact), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in "[0-9]{0,25} ?[a-zA-Zé]{0,4}") {
            let _ = parse_size(&text);
        }
    }
}
