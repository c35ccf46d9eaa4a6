//! The header `tracestate` (W3C Trace Context, 3.3): members of other tracing systems, which are sent on unchanged.
//! Called by `propagation`; nothing in it is read or recorded.

/// Members that a list may have (3.3.1.1).
const MAX_MEMBERS: usize = 32;
/// Bytes that each party should send on (3.3.1.5).
const MAX_BYTES: usize = 512;
/// Members longer than this are removed first where the list is too long (3.3.1.5).
const LONG: usize = 128;

/// What is sent on: the list as it is. Invalid members and members that came before under the same key are left out; a
/// list that is too long loses its long members, then its last ones, each of them whole. `None` if nothing is left.
pub(crate) fn valid(header: &str) -> Option<String> {
    let header = header.trim_matches([' ', '\t']);
    let mut members: Vec<&str> = Vec::new();
    let mut all_valid = true;
    for member in header.split(',') {
        let member = member.trim_matches([' ', '\t']);
        // The specification allows empty members.
        if member.is_empty() {
            continue;
        }
        let known = |key| members.iter().any(|known| self::key(known) == key);
        // Four lists of the longest are enough: beyond that only last members are lost.
        let fits = members.len() < 4 * MAX_MEMBERS;
        match key(member) {
            Some(key) if fits && !known(Some(key)) => members.push(member),
            _ => all_valid = false,
        }
    }
    if members.is_empty() {
        return None;
    }
    if all_valid && members.len() <= MAX_MEMBERS && header.len() <= MAX_BYTES {
        return Some(header.to_owned());
    }
    let size = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>();
    while size(&members) > MAX_BYTES + 1 {
        match members.iter().rposition(|member| member.len() > LONG) {
            Some(long) => drop(members.remove(long)),
            None => break,
        }
    }
    members.truncate(MAX_MEMBERS);
    while size(&members) > MAX_BYTES + 1 {
        members.pop();
    }
    (!members.is_empty()).then(|| members.join(","))
}

/// The key of a member; `None` if the member is not valid.
fn key(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let further = |byte: u8| first(byte) || b"_-*/@".contains(&byte);
    let of_value = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b',' && byte != b'=';
    let valid = (1..=256).contains(&key.len())
        && key.bytes().next().is_some_and(first)
        && key.bytes().all(further)
        && (1..=256).contains(&value.len())
        && value.bytes().all(of_value)
        && !value.ends_with(' ');
    valid.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_commas_count_among_the_bytes() {
        // 26 members of 19 bytes are 494 bytes, and 519 with their commas.
        let members: Vec<_> = (10..36)
            .map(|n| format!("k{n}={}", "v".repeat(15)))
            .collect();
        assert_eq!(valid(&members.join(",")), Some(members[..25].join(",")));
    }

    #[test]
    fn what_is_as_long_as_the_limit_is_kept_whole() {
        let member = |key, bytes: usize| format!("{key}={}", "v".repeat(bytes - 2));
        let list = [member("a", 202), member("b", 202), member("c", 106)].join(",");
        assert_eq!(list.len(), MAX_BYTES);
        assert_eq!(valid(&format!("{list},NOT VALID")), Some(list));
    }

    #[test]
    fn a_list_within_the_limits_is_sent_on_unchanged() {
        for list in [
            "vendor=1,other=2",
            "a=1 ,\tb=2,, c=x y",
            "tenant@system=t61rcWkgMzE,rojo=00f067aa0ba902b7",
            "1a_-*/=!~",
        ] {
            assert_eq!(valid(list).as_deref(), Some(list));
        }
        assert_eq!(valid("  a=1\t").as_deref(), Some("a=1"));
        let most: Vec<_> = (0..32).map(|n| format!("k{n}={n}")).collect();
        assert_eq!(valid(&most.join(",")), Some(most.join(",")));
    }

    #[test]
    fn what_is_not_valid_is_left_out_alone() {
        for (list, left) in [
            ("", None),
            (" , ,", None),
            ("a", None),
            ("=1", None),
            ("A=1", None),
            ("a=", None),
            ("a=1=2", None),
            ("a=é", None),
            ("a=1,B=2,c=3", Some("a=1,c=3")),
            ("a=1,a=2,b=3", Some("a=1,b=3")),
            ("a=\u{7f},b=1", Some("b=1")),
        ] {
            assert_eq!(valid(list).as_deref(), left, "{list}");
        }
    }

    #[test]
    fn a_list_that_is_too_long_loses_long_members_first() {
        let long = |key: &str, bytes: usize| format!("{key}={}", "x".repeat(bytes - 2));
        let list = format!("{},{},{}", long("a", 200), long("b", 250), long("c", 100));
        assert_eq!(
            valid(&list),
            Some(format!("{},{}", long("a", 200), long("c", 100)))
        );
        let short: Vec<_> = (0..40).map(|n| format!("k{n}={n}")).collect();
        assert_eq!(valid(&short.join(",")), Some(short[..32].join(",")));
        let middle: Vec<_> = ["a", "b", "c", "d", "e", "f"]
            .map(|key| long(key, 100))
            .to_vec();
        assert_eq!(valid(&middle.join(",")), Some(middle[..5].join(",")));
    }

    fn of_bytes(key: &str, bytes: usize) -> String {
        format!("{key}={}", "x".repeat(bytes - key.len() - 1))
    }

    #[test]
    fn a_member_is_long_from_one_byte_more_than_the_bound() {
        for (bytes, left) in [(LONG, ["a", "b", "c"]), (LONG + 1, ["a", "b", "d"])] {
            // Four members of together more than 512 bytes: a long one goes first, or else the last one.
            let list = [("a", LONG), ("b", LONG), ("c", bytes), ("d", LONG)];
            let list = list.map(|(key, bytes)| of_bytes(key, bytes));
            let sent = valid(&list.join(",")).unwrap();
            let keys: Vec<_> = sent.split(',').filter_map(key).collect();
            assert_eq!(keys, left, "{bytes}");
        }
    }

    #[test]
    fn four_lists_of_the_most_members_are_read() {
        for (before, is_read) in [(4 * MAX_MEMBERS - 1, true), (4 * MAX_MEMBERS, false)] {
            let mut list: Vec<_> = (0..before)
                .map(|n| of_bytes(&format!("k{n}"), LONG + 1))
                .collect();
            list.push("short=1".to_owned());
            let sent = valid(&list.join(",")).unwrap();
            assert_eq!(sent.ends_with(",short=1"), is_read, "{before}");
        }
    }

    #[test]
    fn a_key_and_a_value_have_at_most_256_bytes() {
        for (key, value, fits) in [
            (256, 1, true),
            (257, 1, false),
            (1, 256, true),
            (1, 257, false),
        ] {
            let member = format!("{}={}", "k".repeat(key), "v".repeat(value));
            assert_eq!(valid(&member).is_some(), fits, "{key} {value}");
        }
    }

    fn list() -> impl Strategy<Value = String> {
        let member = prop_oneof![
            4 => "[a-z0-9][a-z0-9_*/@-]{0,6}=[!-+.-<>-~]{1,20}",
            1 => "[a-z]=[x]{100,255}",
            1 => ".{0,12}",
        ];
        prop::collection::vec(member, 0..50).prop_map(|members| members.join(","))
    }

    proptest! {
        #[test]
        fn what_is_sent_is_within_the_limits_and_stays(list in list()) {
            if let Some(sent) = valid(&list) {
                prop_assert!(sent.len() <= MAX_BYTES && sent.is_ascii());
                let members: Vec<_> = sent.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
                prop_assert!((1..=MAX_MEMBERS).contains(&members.len()));
                prop_assert!(members.iter().all(|member| list.contains(member)));
                // Each further service sends the same: the list does not change and does not grow.
                prop_assert_eq!(valid(&sent), Some(sent.clone()));
            }
        }

        #[test]
        fn no_list_panics(list in "\\PC{0,300}") {
            let _ = valid(&list);
        }
    }
}
