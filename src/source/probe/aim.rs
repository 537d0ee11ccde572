//! From the text of `/probe?target=` to what a module probes, the way `blackbox_exporter` reads it.

use std::sync::Arc;

use super::{Check, Service, Settings, Url};
use crate::model::Address;

/// Points a module at a target.
///
/// # Errors
/// What is wrong with the target, for the one who asked.
pub fn aim(module: &Settings, target: &str) -> Result<(Settings, Address), String> {
    let check = match module {
        Settings::Icmp(_) => return Ok((module.clone(), host(target)?)),
        Settings::Check(check) => check,
        Settings::Snmp(_) => return Err("walks are not run from here".to_owned()),
    };
    let mut check = Check::clone(check);
    let address = match &mut check.service {
        Service::Http(settings) => {
            // As in blackbox_exporter, a bare host is meant as http.
            let text = if target.contains("://") {
                target.to_owned()
            } else {
                format!("http://{target}")
            };
            settings.url = Url::parse(&text).map_err(|error| error.to_string())?;
            settings.url.address.clone()
        }
        Service::Tcp(settings) => {
            let (address, port) = split(target)?;
            settings.port = port
                .or(Some(settings.port).filter(|port| *port > 0))
                .ok_or_else(|| "the target of a tcp module needs a port, as in nas.lan:22".to_owned())?;
            address
        }
        Service::Tls(settings) => {
            let (address, port) = split(target)?;
            settings.port = port.unwrap_or(settings.port);
            address
        }
        Service::Dns(settings) => {
            let (address, port) = split(target)?;
            settings.port = port.unwrap_or(settings.port);
            address
        }
    };
    Ok((Settings::Check(Arc::new(check)), address))
}

fn host(text: &str) -> Result<Address, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse()
        .map_err(|error: crate::model::AddressError| error.to_string())
}

/// `host`, `host:port`, `[v6]:port` or a bare IPv6 address.
fn split(text: &str) -> Result<(Address, Option<u16>), String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(format!("{text:?} is no port")),
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (v6, after) = rest.split_once(']').ok_or("a bracket is not closed")?;
        return match after.strip_prefix(':') {
            Some(number) => Ok((host(v6)?, port(number)?)),
            None if after.is_empty() => Ok((host(v6)?, None)),
            None => Err(format!("{text:?} is no address")),
        };
    }
    match text.split_once(':') {
        Some((name, number)) if !number.contains(':') => Ok((host(name)?, port(number)?)),
        _ => Ok((host(text)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_blackbox_exporter_reads_them() {
        for (text, address, port) in [
            ("nas.lan:22", "nas.lan", Some(22)),
            ("10.0.0.1", "10.0.0.1", None),
            ("[fd00::1]:443", "fd00::1", Some(443)),
            ("fd00::1", "fd00::1", None),
            ("[fd00::1]", "fd00::1", None),
        ] {
            let (found, number) = split(text).unwrap();
            assert_eq!((found.to_string().as_str(), number), (address, port), "{text}");
        }
        for text in [
            "nas:0",
            "nas:99999",
            "nas:ssh",
            "[::1",
            "[::1]x",
            "",
            "a b",
            "http://x/",
        ] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
