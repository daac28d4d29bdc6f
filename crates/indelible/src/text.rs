//! Numbers as people read them.

/// An integer with a comma between thousands.
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and what is counted, in the singular for one: `thing` is given in
/// the singular, and its plural must be regular.
#[must_use]
pub fn counted(number: usize, thing: &str) -> String {
    let ending = match number {
        1 => "",
        _ if thing.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {thing}{ending}", grouped(number))
}

/// A real number in the fewest digits that mean it; below 0.0001 and from 10^16
/// with an exponent.
#[must_use]
pub fn plain(number: f64) -> String {
    let size = number.abs();
    let is_short = size == 0.0 || !size.is_finite() || (1e-4..1e16).contains(&size);
    if is_short { format!("{number}") } else { format!("{number:e}") }
}

/// A size in bytes with the unit that fits.
#[must_use]
pub fn bytes(number: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} bytes") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(376_619_213), "376,619,213");
        assert_eq!(counted(0, "sample"), "0 samples");
        assert_eq!(counted(1, "class"), "1 class");
        assert_eq!(counted(1000, "class"), "1,000 classes");
        assert_eq!(plain(0.1), "0.1");
        assert_eq!(plain(-0.0001), "-0.0001");
        assert_eq!(plain(1e-310), "1e-310");
        assert_eq!(plain(-1.5e300), "-1.5e300");
        assert_eq!(plain(0.0), "0");
        assert_eq!(plain(f64::INFINITY), "inf");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
    }
}
