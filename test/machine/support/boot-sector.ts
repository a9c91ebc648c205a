/**
 * A machine that fits into a disk's first sector: it says `dpbench ready` on its screen and its serial port, and then
 * repeats on both whatever is typed on its keyboard or sent to its serial port. It is up within a second, emulated or not.
 */

const greeting = 'dpbench ready\r\n'

/** 8086 code for 0x7c00, by hand; `hlt` waits for the timer or a key, so that it takes no CPU. */
const code = [
  0x31,
  0xc0,
  0x8e,
  0xd8,
  0xfb, //       xor ax,ax; mov ds,ax; sti
  0xbe,
  0x00,
  0x00, //                   mov si,greeting          (filled in)
  0xac,
  0x08,
  0xc0,
  0x74,
  0x05, //  0x08 lodsb; or al,al; jz loop
  0xe8,
  0x00,
  0x00, //              0x0d call put                 (filled in)
  0xeb,
  0xf6, //                    0x10 jmp 0x08
  0xf4, //                          0x12 loop: hlt
  0xb4,
  0x01,
  0xcd,
  0x16, //        0x13 mov ah,1; int 0x16: a key?
  0x74,
  0x07, //                    0x17 jz 0x20
  0xb4,
  0x00,
  0xcd,
  0x16, //        0x19 mov ah,0; int 0x16
  0xe8,
  0x00,
  0x00, //              0x1d call put                 (filled in)
  0xba,
  0xfd,
  0x03,
  0xec, //        0x20 mov dx,0x3fd; in al,dx
  0xa8,
  0x01,
  0x74,
  0xea, //        0x24 test al,1; jz loop
  0xba,
  0xf8,
  0x03,
  0xec, //        0x28 mov dx,0x3f8; in al,dx
  0xe8,
  0x00,
  0x00, //              0x2c call put                 (filled in)
  0xeb,
  0xe1, //                    0x2f jmp loop
  0x50,
  0xb4,
  0x0e,
  0xbb,
  0x07,
  0x00,
  0xcd,
  0x10, // 0x31 put: push ax; mov ah,0xe; mov bx,7; int 0x10
  0xba,
  0xfd,
  0x03,
  0xec, //        0x39 mov dx,0x3fd; in al,dx
  0xa8,
  0x20,
  0x74,
  0xf8, //        0x3d test al,0x20; jz 0x39
  0x58,
  0xba,
  0xf8,
  0x03,
  0xee, //  0x41 pop ax; mov dx,0x3f8; out dx,al
  0xc3, //                          0x46 ret
]
const put = 0x31

/** A disk that a BIOS boots. Only the first sector matters. */
export function bootSector(): Buffer {
  const sector = Buffer.alloc(64 * 1024)
  sector.set(code)
  sector.writeUInt16LE(0x7c00 + code.length, 0x06)
  for (const call of [0x0d, 0x1d, 0x2c]) sector.writeInt16LE(put - (call + 3), call + 1)
  sector.write(`${greeting}\0`, code.length, 'latin1')
  sector.set([0x55, 0xaa], 510)
  return sector
}

export interface TinyDomain {
  readonly name: string
  /** On the hypervisor. */
  readonly disk: string
  readonly consoleLog: string
  /** What its label says, as dpbench writes it. */
  readonly hostKey: string
  readonly video: boolean
}

/** The domain that boots it, with the parts of dpbench's own template that matter here. */
export function tinyDomainXml({ name, disk, consoleLog, hostKey, video }: TinyDomain): string {
  return `<domain type='qemu'><name>${name}</name>
  <metadata><dpbench:provisioned xmlns:dpbench='https://github.com/ironcore-dev/dpbench/domain/1'
    environment='e' run='r' spec='s' host-key='${hostKey}' origin='test'/></metadata>
  <memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/><target dev='hda' bus='ide'/></disk>
    <serial type='pty'><log file='${consoleLog}' append='on'/><target port='0'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
    ${video ? "<video><model type='vga'/></video>" : ''}
    <memballoon model='none'/>
  </devices></domain>`
}
