# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible Vault, with the secrets that this run was given. PRIVATE to the collection."""

from __future__ import annotations

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, is_encrypted, match_encrypt_secret


class Vault:
    """secrets: [(vault id, secret)], as the loader of a run has them in its own vault."""

    def __init__(self, secrets):
        self._secrets = secrets

    def decrypted(self, text, path):
        """What is in the text of a file. Raises AnsibleError when none of the secrets opens it."""
        if not is_encrypted(text):
            return text
        try:
            return VaultLib(self._secrets).decrypt(text).decode()
        except AnsibleError as error:
            raise AnsibleError(f"{path}: {error}") from error

    def encrypted(self, text):
        """The text, for whoever has the run's first secret (or that of `vault_encrypt_identity`).

        Raises AnsibleError where the run has no secret.
        """
        if not self._secrets:
            raise AnsibleError("Plans are to be encrypted: a vault password must be given")
        vault_id, secret = match_encrypt_secret(self._secrets, C.DEFAULT_VAULT_ENCRYPT_IDENTITY)
        return VaultLib(self._secrets).encrypt(text, secret, vault_id).decode()
