/** An Ignition document of the tests' own, with one of everything that provisioning asks of the guest image. */

export interface DocumentKeys {
  readonly userPublicKey: string
  readonly hostPrivateKey: string
  readonly hostPublicKey: string
}

export function guestDocument(keys: DocumentKeys): unknown {
  return {
    ignition: { version: '3.3.0' },
    passwd: {
      users: [
        { name: 'root', sshAuthorizedKeys: [keys.userPublicKey] },
        { name: 'bench', sshAuthorizedKeys: [keys.userPublicKey], groups: ['sudo'] },
      ],
    },
    storage: {
      directories: [{ path: '/var/lib/bench', mode: 0o750 }],
      files: [
        file('/etc/hostname', 'vm-under-test\n', 0o644),
        file('/etc/ssh/ssh_host_ed25519_key', keys.hostPrivateKey, 0o600),
        file('/etc/ssh/ssh_host_ed25519_key.pub', keys.hostPublicKey, 0o644),
        file('/etc/sudoers.d/bench', 'bench ALL=(ALL) NOPASSWD: ALL\n', 0o440),
        file('/opt/text with spaces', 'first line\n"second" line ✓\n', 0o604),
      ],
    },
    systemd: {
      units: [
        {
          name: 'mark.service',
          enabled: true,
          contents: [
            '[Service]',
            'Type=oneshot',
            'RemainAfterExit=yes',
            "ExecStart=/bin/sh -c 'hostname >>/var/lib/bench/marks'",
            '[Install]',
            'WantedBy=multi-user.target',
            '',
          ].join('\n'),
        },
      ],
    },
  }
}

function file(path: string, text: string, mode: number): unknown {
  const source = `data:;base64,${Buffer.from(text).toString('base64')}`
  return { path, mode, overwrite: true, contents: { source } }
}
