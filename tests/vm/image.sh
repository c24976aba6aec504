# shellcheck shell=bash
# shellcheck disable=SC2034 # for those who source it
# Where the image of the virtual machine is kept. Sourced by scripts/vm-test and tests/vm/make_image, behind scripts/common.sh.
#
# Below ${BPG_VM_CACHE:-/var/tmp/betterpg-vm} each recipe has its directory, with `root.img` (ext4), `vmlinuz` and
# `initrd.img`. It is there as a whole or not at all.

# What it takes to make it and to run it.
vm_host_packages=(debootstrap e2fsprogs qemu-system-x86 python3)

vm_cache=${BPG_VM_CACHE:-/var/tmp/betterpg-vm}

# The libraries of the build are the libraries of what was built; their -dev packages bring them along.
vm_packages=()
for package in "${build_packages[@]}"; do
  [[ $package != lib*-dev ]] || vm_packages+=("$package")
done

vm_image=$vm_cache/$({
  cat "$root_of_checkout"/tests/vm/{recipe,make_image,guest,guest.service}
  echo "${vm_packages[*]}"
} | sha256sum | cut -c 1-16)
