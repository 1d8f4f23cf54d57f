#!/usr/bin/env bash
# Inside the lab's root, before slurmctld starts: MariaDB, slurmdbd, and who is in its database.
set -eu
here=$(dirname -- "$0")

install -d -o mysql -g mysql -m 0755 /var/lib/mysql /run/mysqld
mariadb-install-db --user=mysql --datadir=/var/lib/mysql --skip-test-db >/var/log/lab/mariadb-install.log 2>&1
mariadbd --user=mysql --datadir=/var/lib/mysql --skip-networking --innodb-snapshot-isolation=OFF --socket=/run/mysqld/mysqld.sock \
    >/var/log/lab/mariadb.log 2>&1 &
until mariadb --execute="SELECT 1" >/dev/null 2>&1; do sleep 0.1; done
# slurmdbd could make the database itself, but a connection that failed once then reads no result: libmariadb 11.8.9
# forgets its limit of columns.
mariadb --execute="CREATE DATABASE slurm_acct_db; CREATE USER slurm@localhost IDENTIFIED VIA unix_socket;
    GRANT ALL ON slurm_acct_db.* TO slurm@localhost"

install -o slurm -g slurm -m 0600 "$here/slurmdbd.conf" /etc/slurm/slurmdbd.conf
setpriv --reuid=slurm --regid=slurm --init-groups slurmdbd
cat "$here/accounting.conf" >>/etc/slurm/slurm.conf
until sacctmgr --noheader show cluster >/dev/null 2>&1; do sleep 0.1; done

add() { sacctmgr --immediate --quiet add "$@"; }
add cluster lab
for qos in high low; do
    add qos "$qos"
done
for account in physics art chemistry; do
    add account "$account" description="$account" organization=lab
done
for user in root slurm alice; do
    add user "$user" account=physics,art,chemistry defaultaccount=physics qos=normal,high,low
done
