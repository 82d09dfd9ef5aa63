//! The machine's serial ports: which there are, under names that last, and the opening of one.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use serialport::{ClearBuffer, ErrorKind, SerialPortType, UsbPortInfo};

/// So long a read waits for the first byte (milliseconds).
pub const READ_WAIT_MS: u32 = 25;

/// A serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name that stays when the device is plugged into another socket, where it has one: "usb:1a86:7523:SERIAL";
    /// otherwise its path.
    pub name: String,
    /// What the system calls it now: "/dev/ttyACM0", "COM3".
    pub path: String,
    /// What the device says of itself; may be empty.
    pub about: String,
}

/// Why a port is not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is not there.
    Missing,
    /// Another program has it.
    Busy,
    /// This user may not open it.
    NotPermitted,
    /// Something else, in the system's words.
    Failed(String),
}

/// The ports that there are now, sorted by path.
pub fn list() -> Vec<Port> {
    // Where it is missing, as in some containers, the listing would panic.
    if cfg!(target_os = "linux") && !Path::new("/sys/class/tty").is_dir() {
        return vec![];
    }
    let found = serialport::available_ports().unwrap_or_else(|error| {
        tracing::warn!(%error, "the serial ports were not listed");
        vec![]
    });
    let mut ports: Vec<Port> = found
        .into_iter()
        .map(|port| match &port.port_type {
            SerialPortType::UsbPort(usb) => {
                Port { name: usb_name(usb), about: usb_about(usb), path: port.port_name }
            }
            SerialPortType::PciPort | SerialPortType::BluetoothPort | SerialPortType::Unknown => {
                Port { name: port.port_name.clone(), about: String::new(), path: port.port_name }
            }
        })
        .collect();
    ports.sort_by(|a, b| a.path.cmp(&b.path));
    tell_apart(&mut ports);
    ports
}

/// Two devices of one make without serial numbers can only be told apart by their sockets.
fn tell_apart(ports: &mut [Port]) {
    let names: Vec<String> = ports.iter().map(|port| port.name.clone()).collect();
    for port in ports {
        if names.iter().filter(|name| **name == port.name).count() > 1 {
            port.name = port.path.clone();
        }
    }
}

fn usb_name(usb: &UsbPortInfo) -> String {
    let serial = usb.serial_number.as_deref().map(str::trim).filter(|serial| !serial.is_empty());
    let serial = serial.map(|serial| format!(":{serial}")).unwrap_or_default();
    format!("usb:{:04x}:{:04x}{serial}", usb.vid, usb.pid)
}

fn usb_about(usb: &UsbPortInfo) -> String {
    let parts = [usb.manufacturer.as_deref(), usb.product.as_deref()];
    parts.into_iter().flatten().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The path of the port called `name` now: by its lasting name, or by its path, which may be a link such as those in
/// /dev/serial/by-id.
pub fn find(name: &str) -> Option<String> {
    if cfg!(unix) && name.starts_with('/') {
        return Path::new(name).exists().then(|| name.to_owned());
    }
    list().into_iter().find(|port| port.name == name || port.path == name).map(|port| port.path)
}

/// Opens a port for this program alone; eight data bits, no parity, one stop bit. A read waits for [`READ_WAIT_MS`].
pub fn open(path: &str, baud: u32) -> Result<Box<dyn Read + Send>, Closed> {
    let port = serialport::new(path, baud)
        .timeout(Duration::from_millis(u64::from(READ_WAIT_MS)))
        // Scanners with flow control send when somebody is ready.
        .dtr_on_open(true)
        .open()
        .map_err(|error| closed(&error, Path::new(path).exists()))?;
    // What came before is of another time.
    if let Err(error) = port.clear(ClearBuffer::Input) {
        tracing::debug!(%error, "the port's old bytes were not cleared");
    }
    Ok(Box::new(port))
}

/// `there`: whether the path exists. Windows says the same of a port that is not there and of one that is in use, and
/// its ports are no files.
fn closed(error: &serialport::Error, there: bool) -> Closed {
    match error.kind() {
        ErrorKind::NoDevice if there || cfg!(windows) => Closed::Busy,
        ErrorKind::NoDevice | ErrorKind::Io(io::ErrorKind::NotFound) => Closed::Missing,
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => Closed::NotPermitted,
        ErrorKind::InvalidInput | ErrorKind::Unknown | ErrorKind::Io(_) => {
            Closed::Failed(error.description.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usb(serial: Option<&str>, product: Option<&str>) -> UsbPortInfo {
        UsbPortInfo {
            vid: 0x1a86,
            pid: 0x7523,
            serial_number: serial.map(Into::into),
            manufacturer: Some("QinHeng ".into()),
            product: product.map(Into::into),
        }
    }

    #[test]
    fn a_usb_devices_name_does_not_say_where_it_is_plugged_in() {
        assert_eq!(usb_name(&usb(Some("A12"), None)), "usb:1a86:7523:A12");
        assert_eq!(usb_name(&usb(Some(" "), None)), "usb:1a86:7523", "a blank serial number is none");
        assert_eq!(usb_about(&usb(None, Some("Scanner"))), "QinHeng Scanner");
        assert_eq!(usb_about(&usb(None, None)), "QinHeng");
    }

    #[test]
    fn two_that_cannot_be_told_apart_go_by_their_paths() {
        let port = |name: &str, path: &str| Port { name: name.into(), path: path.into(), about: "".into() };
        let mut ports = [
            port("usb:1:2", "/dev/ttyUSB0"),
            port("usb:1:2", "/dev/ttyUSB1"),
            port("usb:1:3", "/dev/ttyUSB2"),
        ];
        tell_apart(&mut ports);
        let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ["/dev/ttyUSB0", "/dev/ttyUSB1", "usb:1:3"]);
    }

    #[test]
    fn why_a_port_is_closed_is_told_apart() {
        let error = |kind| serialport::Error::new(kind, "why");
        let busy = error(ErrorKind::NoDevice);
        assert_eq!(closed(&busy, true), Closed::Busy);
        assert_eq!(closed(&error(ErrorKind::Io(io::ErrorKind::NotFound)), false), Closed::Missing);
        assert_eq!(
            closed(&error(ErrorKind::Io(io::ErrorKind::PermissionDenied)), true),
            Closed::NotPermitted
        );
        assert_eq!(closed(&error(ErrorKind::Unknown), true), Closed::Failed("why".into()));
    }

    #[test]
    fn a_path_that_is_not_there_is_not_found() {
        assert_eq!(find("/nowhere/ttyACM0"), None);
        assert_eq!(find("usb:ffff:ffff:of-no-maker"), None);
        assert_eq!(open("/nowhere/ttyACM0", 9600).err(), Some(Closed::Missing));
    }
}
