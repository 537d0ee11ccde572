//! From the text of `/probe?target=` to what a module probes, read as `blackbox_exporter` reads it.

use crate::model::{Address, AddressError, Probe, Service, Url};

/// Points a module at a target: the module with the target's URL or port in it, and the target's address.
///
/// # Errors
/// What is wrong with the target, for the person who asked.
pub fn target_of(module: &Probe, target: &str) -> Result<(Probe, Address), String> {
    let mut probe = module.clone();
    let address = match &mut probe.service {
        Service::Icmp => host(target)?,
        Service::Snmp(_) => return Err("walks are not run from here".to_owned()),
        Service::Http(http) => {
            // As in blackbox_exporter, a bare host is meant as http.
            let text = if target.contains("://") {
                target.to_owned()
            } else {
                format!("http://{target}")
            };
            http.url = Url::parse(&text).map_err(|error| error.to_string())?;
            http.url.address.clone()
        }
        Service::Tcp(tcp) => {
            let (address, port) = split(target)?;
            tcp.port = port
                .or(Some(tcp.port).filter(|port| *port > 0))
                .ok_or_else(|| "the target of a tcp module needs a port, as in nas.lan:22".to_owned())?;
            address
        }
        Service::Tls(tls) => {
            let (address, port) = split(target)?;
            tls.port = port.unwrap_or(tls.port);
            address
        }
        Service::Dns(dns) => {
            let (address, port) = split(target)?;
            dns.port = port.unwrap_or(dns.port);
            address
        }
    };
    Ok((probe, address))
}

/// Has an HTTP module ask for another host than the URL's: in `Host`, and in the TLS handshake where no name is set.
///
/// # Errors
/// The name cannot be a host name.
pub fn pretend_host(probe: &mut Probe, host: &str) -> Result<(), String> {
    let Service::Http(http) = &mut probe.service else {
        return Ok(());
    };
    hyper::header::HeaderValue::from_str(host).map_err(|_| "hostname is no host name".to_owned())?;
    http.headers.push(("host".to_owned(), host.to_owned()));
    if http.tls.server_name.is_none() {
        http.tls.server_name = Some(host.to_owned());
    }
    Ok(())
}

fn host(text: &str) -> Result<Address, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse()
        .map_err(|error: AddressError| error.to_string())
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
