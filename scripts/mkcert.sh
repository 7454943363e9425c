#!/bin/sh
# mkcert.sh: makes the certificate that postern's TLS door shows, and the local CA that signs it.
#
# `postern cert` does the same without openssl; each goes on with what the other made, and they wait for each other.
#
# Needs a POSIX shell and openssl (1.1.1 or newer). It writes four files into one folder and installs nothing:
#
#   ca.pem         the CA's certificate: what a browser or curl is told to trust (10 years)
#   ca-key.pem     the CA's key: who has it can pose as any site to whoever trusts the CA
#   localhost.pem  the server's certificate (at most 397 days). The CA is left out of it: whoever trusts the CA has it
#                  already, so sending it would only make each handshake longer
#   localhost-key.pem  the server's key
#
# The road to the files. All work is done in a folder of its own inside the target folder, which is the lock as well.
# Only when the new files are complete and have passed openssl's strict verification does one mv rename them into
# place, so a failure or ^C before that leaves the old files as they were. Nothing renames two files at one instant:
# between the two renames a reader can see the new certificate beside the old key. That lasts some microseconds, signals
# are ignored meanwhile, and a server that reads such a pair finds the mismatch and may read again.
#
# Every certificate is signed by `openssl ca` with a throw-away database, also the CA's own: it is the only command that
# sets a start date in OpenSSL 1.1.1 and 3.0 alike (`openssl x509` and `req` learned it in 3.4).

set -u
set -f # A name may be a wildcard: no word here is a file pattern.
LC_ALL=C
export LC_ALL

readonly MAX_DAYS=397       # no browser objects to that from a CA which its user trusts
readonly MAX_CA_DAYS=7300
readonly BACKDATE_S=3600    # a client whose clock is behind by less than this takes the certificate at once
readonly DAY_S=86400
readonly MAX_NAMES=50       # keeps the certificate below the 16 KiB that the server takes
readonly LOCK_WAIT_S=30     # longer than a slow machine needs for RSA keys

usage() {
    cat <<'END'
Usage: mkcert.sh [OPTIONS] [NAME...]

Makes a local CA and a server certificate signed by it: ca.pem, ca-key.pem, localhost.pem and localhost-key.pem.
The certificate is for localhost, 127.0.0.1, ::1, this machine's name, and each NAME given: a DNS name (dev.example),
a wildcard (*.dev.example), an IPv4 or an IPv6 address. Run again to renew it: the CA is kept, so browsers that trust
it need not be told again. Only the NAMEs of the last run are in the certificate. The CA can sign for local names and
those that it was made with, for no others.

  --dir DIR      where to write (default: the folder certs of this repository)
  --days N       how long the certificate is valid, 1 to 397 days (default: 397)
  --ca-days N    how long a new CA is valid, 1 to 7300 days (default: 3650)
  --rsa          RSA keys, for clients that know no elliptic curves (default: ECDSA P-256)
  --self-signed  one self-signed certificate and no CA; a browser asks for an exception
  --new-ca       make a new CA in place of the old one; browsers must then be told of it
  --throw-away-ca-key
                 do not keep the CA's key: nobody can sign with it again
  --help         show this text

Exit status: 0 done, 1 could not be done (the old files are untouched), 2 the command line is wrong.
END
}

die() { # die STATUS TEXT: one line, and the end
    status=$1
    shift
    printf 'mkcert.sh: %s\n' "$*" >&2
    exit "$status"
}

printable() { # what was typed, fit for an error message: on one line and not too long
    printf '%s' "$1" | tr -c '[:print:]' '?' | cut -c 1-80
}

quoted() { # a path, fit to be pasted into a shell
    case $1 in
    *[!A-Za-z0-9/._+:@%-]*) printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf '%s' "$1" ;;
    esac
}

# ---- names ----------------------------------------------------------------------------------------------------------

is_ipv4() {
    case $1 in
    '' | *[!0-9.]* | .* | *. | *..*) return 1 ;;
    esac
    old_ifs=$IFS
    IFS=.
    # shellcheck disable=SC2086 # to be split at the dots
    set -- $1
    IFS=$old_ifs
    [ $# -eq 4 ] || return 1
    for part in "$@"; do
        case $part in
        ????* | 0?*) return 1 ;; # "010" is ten to some and eight to others
        esac
        [ "$part" -le 255 ] || return 1
    done
}

# hex_groups TEXT: sets group_count to how many groups of one to four hex digits TEXT has (none if it is empty)
hex_groups() {
    group_count=0
    case $1 in
    '') return 0 ;;
    :* | *:) return 1 ;;
    esac
    old_ifs=$IFS
    IFS=:
    # shellcheck disable=SC2086 # to be split at the colons
    set -- $1
    IFS=$old_ifs
    for part in "$@"; do
        case $part in
        '' | ?????* | *[!0-9a-f]*) return 1 ;;
        esac
    done
    group_count=$#
}

is_ipv6() { # RFC 4291 2.2 Text Representation of Addresses, in lower case
    address=$1
    case $address in
    *[!0-9a-f:.]* | *:::* | *::*::*) return 1 ;;
    *:*.*)
        is_ipv4 "${address##*:}" || return 1
        address=${address%:*}:0:0 # the IPv4 tail stands for two groups
        ;;
    *:*) ;;
    *) return 1 ;;
    esac
    case $address in
    *::*)
        hex_groups "${address%%::*}" || return 1
        left_count=$group_count
        hex_groups "${address#*::}" || return 1
        [ $((left_count + group_count)) -le 7 ]
        ;;
    *)
        hex_groups "$address" && [ "$group_count" -eq 8 ]
        ;;
    esac
}

is_dns_name() { # RFC 1123 2.1 Host Names and Numbers, in lower case
    case $1 in
    '' | *[!a-z0-9.-]* | .* | *. | *..* | -* | *- | *-.* | *.-*) return 1 ;;
    esac
    [ ${#1} -le 253 ] || return 1
    last_label=${1##*.}
    case ${last_label#0x} in
    *[!0-9a-f]*) ;;
    *[a-f]*) [ "$last_label" = "${last_label#0x}" ] || return 1 ;;
    *) return 1 ;; # a number at the end, which browsers take for a piece of an IPv4 address
    esac
    old_ifs=$IFS
    IFS=.
    # shellcheck disable=SC2086 # to be split at the dots
    set -- $1
    IFS=$old_ifs
    for label in "$@"; do
        [ ${#label} -le 63 ] || return 1
    done
}

names='' # in the order of the certificate, with a space after each; the characters allowed are safe in openssl's config
name_count=0

# add_name NAME: adds it once, or returns 1 with the reason in `why`
add_name() {
    case $1 in
    *'
'*)
        why='a name is one line'
        return 1
        ;;
    esac
    name=$(printf '%s' "$1" | tr '[:upper:]' '[:lower:]')
    case $name in
    \*.*)
        why="a wildcard is *.NAME with at least two labels in NAME, as in *.dev.example (clients match no *.localhost)"
        is_dns_name "${name#\*.}" || return 1
        case ${name#\*.} in
        *.*) ;;
        *) return 1 ;;
        esac
        ;;
    *:*)
        why='not an IPv6 address'
        is_ipv6 "$name" || return 1
        ;;
    *)
        why='neither a DNS name (letters, digits, hyphens, dots; *.NAME for a wildcard) nor an IP address'
        is_ipv4 "$name" || is_dns_name "$name" || return 1
        ;;
    esac
    case " $names" in
    *" $name "*) return 0 ;;
    esac
    names="$names$name "
    name_count=$((name_count + 1))
}

# ---- the command line -----------------------------------------------------------------------------------------------

dir=''
days=$MAX_DAYS
ca_days=3650 # ten years: importing a CA by hand is a chore
throw_away=no
kind=ec
self_signed=no
new_ca=no
host_note=''

for name in localhost 127.0.0.1 ::1; do
    add_name "$name"
done
host=$(uname -n 2>/dev/null) || host=''
if is_ipv4 "$host" || [ "${host#[*]}" != "$host" ] || [ "${host#*:}" != "$host" ] || ! add_name "$host"; then
    host_note="This machine's name \"$(printable "$host")\" is no valid DNS name, so it was left out."
fi

options_end=no
while [ $# -gt 0 ]; do
    word=$1
    shift
    if [ "$options_end" = no ]; then
        case $word in
        --)
            options_end=yes
            continue
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        --rsa)
            kind=rsa
            continue
            ;;
        --self-signed)
            self_signed=yes
            continue
            ;;
        --new-ca)
            new_ca=yes
            continue
            ;;
        --throw-away-ca-key)
            throw_away=yes
            continue
            ;;
        --dir | --days | --ca-days)
            [ $# -gt 0 ] || die 2 "$word needs a value (see --help)"
            value=$1
            shift
            ;;
        --dir=* | --days=* | --ca-days=*)
            value=${word#*=}
            word=${word%%=*}
            ;;
        -*) die 2 "there is no option $(printable "$word") (see --help)" ;;
        *)
            add_name "$word" || die 2 "bad name \"$(printable "$word")\": $why"
            continue
            ;;
        esac
        case $word in
        --dir)
            [ -n "$value" ] || die 2 "--dir needs the name of a folder"
            dir=$value
            ;;
        --days)
            case $value in
            '' | *[!0-9]* | ????* | 0*) value=0 ;;
            esac
            if [ "$value" -lt 1 ] || [ "$value" -gt $MAX_DAYS ]; then
                die 2 "--days takes a whole number from 1 to $MAX_DAYS: some browsers refuse what is valid longer"
            fi
            days=$value
            ;;
        --ca-days)
            case $value in
            '' | *[!0-9]* | ?????* | 0*) value=0 ;;
            esac
            if [ "$value" -lt 1 ] || [ "$value" -gt $MAX_CA_DAYS ]; then
                die 2 "--ca-days takes a whole number from 1 to $MAX_CA_DAYS"
            fi
            ca_days=$value
            ;;
        esac
    else
        add_name "$word" || die 2 "bad name \"$(printable "$word")\": $why"
    fi
done
[ $name_count -le $MAX_NAMES ] ||
    die 2 "$name_count names are too many for one certificate: it takes $MAX_NAMES with those that are always in it"
if [ "$self_signed" = yes ] && [ "$new_ca" = yes ]; then
    die 2 "--self-signed makes a certificate without a CA, so --new-ca has nothing to do: leave one of them out"
fi
if [ "$self_signed" = yes ] && [ "$throw_away" = yes ]; then
    die 2 "--self-signed makes a certificate without a CA, so there is no key to throw away: leave one of them out"
fi

command -v openssl >/dev/null 2>&1 ||
    die 1 "the program openssl is needed and was not found: install it (on Debian: apt-get install openssl)"

# ---- a folder to work in, which is the lock as well -----------------------------------------------------------------

if [ -z "$dir" ]; then
    here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || die 1 "cannot find the folder of this script"
    dir=$here/../certs
fi
case $dir in
/*) ;;
*) dir=./$dir ;; # so that no command takes it for an option, and cd not for a place on CDPATH
esac
made_dir=no
if [ ! -d "$dir" ]; then
    mkdir -p "$dir" 2>/dev/null || die 1 "cannot make the folder $(quoted "$dir")"
    made_dir=yes
fi
dir=$(cd "$dir" 2>/dev/null && pwd -P) || die 1 "cannot enter the folder $(quoted "$dir")"
work=$dir/.mkcert
work_is_ours=no

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    cd /
    [ "$work_is_ours" = no ] || rm -rf "$work"
    [ "$made_dir" = no ] || rmdir "$dir" 2>/dev/null # stays if anything is in it
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

umask 077
waited_s=0
until mkdir "$work" 2>/dev/null; do
    [ -d "$work" ] || die 1 "cannot write into the folder $(quoted "$dir")"
    holder=$(cat "$work/pid" 2>/dev/null)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
        # Left by a run that was killed outright or lost its power.
        mv "$work" "$work.$$" 2>/dev/null && rm -rf "$work.$$"
        [ ! -d "$work.$$" ] || die 1 "cannot remove $(quoted "$work.$$"), left by an earlier run"
        continue
    fi
    [ $waited_s -lt $LOCK_WAIT_S ] ||
        die 1 "another mkcert.sh seems to be at work: if not, remove $(quoted "$work") and run this again"
    waited_s=$((waited_s + 1))
    sleep 1
done
work_is_ours=yes
printf '%s\n' "$$" >"$work/pid" || die 1 "cannot write into the folder $(quoted "$dir")"

# From here on every path is relative, so no character in the folder's name can upset openssl or its config.
cd "$work" || die 1 "cannot enter the folder $(quoted "$work")"
mkdir new old || die 1 "cannot write into the folder $(quoted "$dir")"
OPENSSL_CONF=openssl.cnf # no setting of the machine's or the user's gets into what we make
export OPENSSL_CONF

try_ssl() { # try_ssl ARGS...: runs openssl; what it prints is in the file out, its complaints in log
    openssl "$@" >out 2>log </dev/null
}

ssl() { # ssl ARGS...: the same, for what has to work
    try_ssl "$@" || die 1 "\"openssl $1\" failed, nothing was changed: $(printable "$(tail -n 1 log)")"
}

# ---- time -----------------------------------------------------------------------------------------------------------

# stamp_at OFFSET: the moment OFFSET seconds from now as certificates write it, YYYYMMDDHHMMSSZ. By expr, since some
# shells count in 32 bits, which end in 2038.
stamp_at() {
    # shellcheck disable=SC2003 # expr on purpose
    moment=$(expr "$now_s" + "$1") || return 1
    date -u -d "@$moment" +%Y%m%d%H%M%SZ 2>/dev/null || date -u -r "$moment" +%Y%m%d%H%M%SZ # GNU and BusyBox, or BSD
}

day_of() { # day_of STAMP: the day as people read it
    printf '%s' "$1" | sed 's/^\(....\)\(..\)\(..\).*/\1-\2-\3/'
}

end_of() { # end_of FILE: sets end_stamp to the moment at which the certificate ends
    ssl x509 -in "$1" -noout -enddate
    IFS=' =' read -r label month day clock year zone <out || :
    case $month in
    Jan) month=01 ;; Feb) month=02 ;; Mar) month=03 ;; Apr) month=04 ;; May) month=05 ;; Jun) month=06 ;;
    Jul) month=07 ;; Aug) month=08 ;; Sep) month=09 ;; Oct) month=10 ;; Nov) month=11 ;; Dec) month=12 ;;
    *) month='' ;;
    esac
    end_stamp=$(printf '%s%s%02d%sZ' "$year" "$month" "$day" "$(printf '%s' "$clock" | tr -d :)")
    case $label$zone$end_stamp in
    notAfterGMT??????????????Z) ;;
    *) die 1 "cannot read the end date of $1: $(printable "$(cat out)")" ;;
    esac
}

now_s=$(date -u +%s)
longest_s=$((MAX_DAYS * DAY_S - BACKDATE_S - 1)) # RFC 5280 4.1.2.5: both ends belong to the validity
leaf_s=$((days * DAY_S))
[ $leaf_s -le $longest_s ] || leaf_s=$longest_s
start=$(stamp_at -$BACKDATE_S)
leaf_end=$(stamp_at $leaf_s)
ca_end=$(stamp_at $((ca_days * DAY_S)))
case $start$leaf_end$ca_end in
??????????????Z??????????????Z??????????????Z) ;;
*) die 1 "the program date of this machine cannot do what is needed (date -d @SECONDS or date -r SECONDS)" ;;
esac

# ---- the parts ------------------------------------------------------------------------------------------------------

user=$(id -un 2>/dev/null || id -u 2>/dev/null)
owner=$(printf '%s@%s' "$user" "$host" | tr -c 'A-Za-z0-9@._-' '-')
ca_name=$(printf 'postern local CA %s' "$owner" | cut -c 1-64) # RFC 5280 A.1: ub-common-name is 64

leaf_usage=digitalSignature
[ $kind = ec ] || leaf_usage=digitalSignature,keyEncipherment # for static RSA in old peers of other servers

# What the CA may sign for: names and addresses that nobody on the Internet can own (src/transport/tls_names.c has the
# same list), and those it is made for. Not marked critical, against RFC 5280 4.2.1.10: OpenSSL, GnuTLS and NSS heed it
# either way, while Mbed TLS and macOS before 10.13 would refuse the whole CA.
constraints() {
    cat <<END
[constraints]
permitted;DNS.1 = localhost
permitted;DNS.2 = test
permitted;DNS.3 = example
permitted;DNS.4 = local
permitted;DNS.5 = home.arpa
permitted;DNS.6 = internal
permitted;DNS.7 = lan
permitted;IP.1 = 127.0.0.0/255.0.0.0
permitted;IP.2 = 10.0.0.0/255.0.0.0
permitted;IP.3 = 172.16.0.0/255.240.0.0
permitted;IP.4 = 192.168.0.0/255.255.0.0
permitted;IP.5 = 169.254.0.0/255.255.0.0
permitted;IP.6 = 100.64.0.0/255.192.0.0
permitted;IP.7 = ::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
permitted;IP.8 = fc00::/fe00::
permitted;IP.9 = fe80::/ffc0::
END
    number=100
    for name in $names; do
        number=$((number + 1))
        case $name in
        localhost | *.localhost | *.test | *.example | *.local | *.home.arpa | *.internal | *.lan) ;;
        127.0.0.1 | ::1) ;;
        *:*) printf 'permitted;IP.%d = %s/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n' $number "$name" ;;
        *)
            if is_ipv4 "$name"; then
                printf 'permitted;IP.%d = %s/255.255.255.255\n' $number "$name"
            else
                printf 'permitted;DNS.%d = %s\n' $number "${name#\*.}"
            fi
            ;;
        esac
    done
}

{
    cat <<END
[req]
distinguished_name = subject
string_mask = utf8only
prompt = no
[subject]
commonName = localhost
[ca]
default_ca = once
[once]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
unique_subject = no
preserve = yes
policy = any
[any]
organizationName = optional
commonName = supplied
[ca_cert]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = @constraints
[leaf_cert]
basicConstraints = critical, CA:FALSE
keyUsage = critical, $leaf_usage
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = @names
# Without keyUsage: OpenSSL before 3.0 takes a self-signed certificate for a trust anchor only if its keyUsage is absent
# or has keyCertSign, and a certificate that is no CA must not have that (RFC 5280 4.2.1.3).
[self_signed_cert]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = @names
[names]
END
    number=0
    for name in $names; do
        number=$((number + 1))
        if is_ipv4 "$name" || is_ipv6 "$name"; then
            printf 'IP.%d = %s\n' $number "$name"
        else
            printf 'DNS.%d = %s\n' $number "$name"
        fi
    done
    constraints
} >openssl.cnf || die 1 "cannot write into the folder $(quoted "$dir")"

make_key() { # make_key FILE RSA_BITS
    if [ $kind = rsa ]; then
        ssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$2" -out "$1"
    else
        ssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve -out "$1"
    fi
    chmod 600 "$1" || die 1 "cannot set the mode of a key in $(quoted "$dir")"
}

# sign SECTION SUBJECT KEY OUT END SIGNER...: makes the certificate OUT for KEY; SIGNER tells `openssl ca` who signs
sign() {
    section=$1 subject=$2 key=$3 out=$4 end=$5
    shift 5
    ssl rand -hex 16
    # RFC 5280 4.1.2.2: positive and at most 20 octets. A fixed first digit keeps it positive, 124 random bits unique.
    sed 's/^./5/' out >serial
    : >index.txt
    ssl req -new -config openssl.cnf -key "$key" -subj "$subject" -out request.pem
    ssl ca -batch -notext -config openssl.cnf -extensions "$section" -startdate "$start" -enddate "$end" \
        -in request.pem -out "$out" "$@"
    chmod 644 "$out" || die 1 "cannot set the mode of a certificate in $(quoted "$dir")"
}

check() { # check CA_FILE CERTIFICATE: as strictly as any client will
    try_ssl verify -x509_strict -purpose sslserver -no-CApath -CAfile "$1" "$2" && return 0
    if grep -q 'permitted subtree violation' out log; then
        die 1 "the CA in $path may sign only for local names and those it was made with, not for all of these:" \
            "run this with --new-ca, and have browsers trust the new ca.pem"
    fi
    die 1 "the new certificate does not pass \"openssl verify\", nothing was changed:" \
        "$(printable "$(grep -i error out log | tail -n 1)")"
}

# ---- the CA ---------------------------------------------------------------------------------------------------------

path=$(quoted "$dir")
ca_state=none
if [ $self_signed = no ]; then
    if [ $new_ca = no ] && { [ -e ../ca.pem ] || [ -e ../ca-key.pem ]; }; then
        remedy="or run this with --new-ca to make a new CA"
        [ -e ../ca.pem ] || die 1 "ca-key.pem is in $path but ca.pem is not: put it back, $remedy"
        [ -e ../ca-key.pem ] || die 1 "ca.pem is in $path but ca-key.pem is not: put it back, $remedy" \
            "(a key that was thrown away cannot come back)"
        try_ssl x509 -in ../ca.pem -noout -pubkey ||
            die 1 "cannot read ca.pem in $path as a certificate: put it right, $remedy"
        cat out >ca.pub
        try_ssl pkey -in ../ca-key.pem -passin pass: -pubout ||
            die 1 "cannot read ca-key.pem in $path as a key without a password: put it right, $remedy"
        cmp -s ca.pub out || die 1 "ca-key.pem in $path is not the key of ca.pem: put the right one back, $remedy"
        try_ssl x509 -in ../ca.pem -noout -checkend 0 ||
            die 1 "the CA in $path has expired: run this with --new-ca, and have browsers trust the new ca.pem"
        try_ssl x509 -in ../ca.pem -noout -checkend $DAY_S ||
            die 1 "the CA in $path expires within a day: run this with --new-ca, and have browsers trust the new ca.pem"
        end_of ../ca.pem
        ca_end=$end_stamp
        ca=../ca.pem ca_key=../ca-key.pem ca_state=kept
    else
        ca_state=made
        [ ! -e ../ca.pem ] || ca_state=replaced
        ca=new/ca.pem ca_key=new/ca-key.pem
        # RSA: 3072 bits for the CA, which lives ten years; 2048 are enough for the 13 months of the leaf, whose
        # signature is paid for in every handshake and costs a third of the other's.
        make_key "$ca_key" 3072
        sign ca_cert "/O=postern/CN=$ca_name" "$ca_key" "$ca" "$ca_end" -selfsign -keyfile "$ca_key"
    fi
fi

# ---- the server's certificate ---------------------------------------------------------------------------------------

leaf=new/localhost.pem leaf_key=new/localhost-key.pem
make_key $leaf_key 2048
capped=no
if [ $self_signed = yes ]; then
    sign self_signed_cert "/O=postern/CN=localhost" $leaf_key $leaf "$leaf_end" -selfsign -keyfile $leaf_key
    check $leaf $leaf
else
    if expr "$leaf_end" \> "$ca_end" >/dev/null; then # as text, which for stamps is the order in time
        leaf_end=$ca_end # a certificate is worth nothing after its CA's end
        capped=yes
    fi
    sign leaf_cert "/O=postern/CN=localhost" $leaf_key $leaf "$leaf_end" -keyfile "$ca_key" -cert "$ca" -passin pass:
    check "$ca" $leaf
fi

# ---- into place -----------------------------------------------------------------------------------------------------

files='localhost-key.pem localhost.pem'
case $ca_state in
made | replaced)
    files="ca.pem $files"
    [ $throw_away = yes ] || files="ca-key.pem $files"
    ;;
esac
new_files=''
for file in $files; do
    new_files="$new_files new/$file"
    if [ -e "../$file" ] || [ -L "../$file" ]; then
        [ -f "../$file" ] || die 1 "$file in $path is not a file: move it away and run this again"
        cp -p "../$file" "old/$file" 2>/dev/null || die 1 "cannot read $file in $path: move it away and run this again"
    fi
done

trap '' HUP INT TERM
# shellcheck disable=SC2086 # a list
if ! mv -f $new_files .. 2>log; then
    for file in $files; do
        rm -f "../$file"
        [ ! -f "old/$file" ] || mv -f "old/$file" ..
    done
    die 1 "cannot put the new files into $path, the old ones were put back: $(printable "$(tail -n 1 log)")"
fi
made_dir=no
if [ $throw_away = yes ]; then # last: until here it could have been needed again
    rm -f ../ca-key.pem || die 1 "cannot remove ca-key.pem from $path"
fi

# ---- what was done --------------------------------------------------------------------------------------------------

kind_text='ECDSA P-256'
[ $kind = ec ] || kind_text='RSA 2048'
printf 'In %s:\n' "$path"
case $ca_state in
made | replaced) about_ca="new CA \"$ca_name\"" ;;
kept) about_ca='the CA that was there, kept' ;;
*) about_ca='' ;;
esac
ca_files='ca.pem, ca-key.pem'
[ $throw_away = no ] || ca_files='ca.pem'
[ -z "$about_ca" ] || printf '  %-32s  %s, until %s\n' "$ca_files" "$about_ca" "$(day_of "$ca_end")"
signed_by='signed by the CA'
[ $self_signed = no ] || signed_by='self-signed'
printf '  localhost.pem, localhost-key.pem  new certificate, %s, %s, until %s\n' \
    "$kind_text" "$signed_by" "$(day_of "$leaf_end")"
printf 'It is for: %s\n' "${names% }"
printf 'Names given on earlier runs are not kept: give all you want each time.\n'
[ -z "$host_note" ] || printf '%s\n' "$host_note"
[ $capped = no ] ||
    printf 'It ends early because the CA ends then: --new-ca makes a new CA, which browsers must be told to trust.\n'
if [ $self_signed = yes ]; then
    cat <<END

To open the site with it:
  curl      curl --cacert $(quoted "$dir/localhost.pem") https://localhost:8443/
  browsers  will warn of an unknown issuer: choose "Advanced" and go on, for this site only
END
    [ ! -e "$dir/ca.pem" ] || printf 'The CA in this folder was left alone, but it did not sign this certificate.\n'
else
    [ $ca_state != replaced ] || printf 'The old CA is gone: remove it from the browsers that trust it.\n'
    cat <<END

To trust it (nothing has been installed):
  all       postern trust install $(quoted "$dir/ca.pem")
  curl      curl --cacert $(quoted "$dir/ca.pem") https://localhost:8443/
  Firefox   Settings > Privacy & Security > View Certificates > Authorities > Import: ca.pem, to identify websites
  Chromium  Settings > Privacy and security > Security > Manage certificates > import ca.pem as an authority
END
    if [ $throw_away = yes ]; then
        printf '%s %s\n' "The CA's key was thrown away: nobody can sign with it again." \
            "The next certificate needs a new CA (--new-ca)."
    else
        printf '%s\n' "Keep ca-key.pem to yourself: with it anyone can pose as any local site to those who trust this CA."
    fi
fi
