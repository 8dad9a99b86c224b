/**
 * What neutron-openvswitch-agent (21.0.0 to 2026.1), or another program that shares its files, reads and we need not: said once at
 * start and ignored. An option is in `options.ts`, or here, or nobody knows it.
 */
import { optionName, sectionName } from './ini.ts';

interface Group {
  /** The reason, as it ends "ignored: ". */
  readonly why: string;
  readonly section: string;
  /** Separated by white space. */
  readonly names: string;
}

const GROUPS: readonly Group[] = [
  {
    why: 'it is for other Neutron programs',
    section: 'DEFAULT',
    names: `
      advertise_mtu agent_down_time agent_mode allow_automatic_dhcp_failover allow_automatic_l3agent_failover
      allow_bulk allow_overlapping_ips allow_pagination allow_sorting allowed_conntrack_helpers api_extensions_path
      api_paste_config api_workers auth_ca_cert auth_strategy backdoor_port backdoor_socket backlog base_mac
      bind_host bind_port bulk_reload_interval cleanup_on_shutdown client_socket_timeout config_source core_plugin
      default_availability_zones dhcp_agent_notification dhcp_agents_per_network dhcp_broadcast_reply dhcp_confs
      dhcp_driver dhcp_lease_duration dhcp_load_type disable_process_locking dns_domain dnsmasq_base_log_dir
      dnsmasq_config_file dnsmasq_dns_servers dnsmasq_enable_addr6_list dnsmasq_lease_max dnsmasq_local_resolv
      driver dvr_base_mac enable_dvr enable_isolated_metadata enable_metadata_network enable_metadata_proxy
      enable_new_agents enable_services_on_agents_with_admin_state_down enable_snat_by_default
      enable_traditional_dhcp external_dns_driver external_ingress_mark external_pids filter_validation
      force_metadata global_physnet_mtu graceful_shutdown_timeout granular_traffic_data ha_confs_path
      ha_keepalived_state_change_server_threads ha_vrrp_advert_int ha_vrrp_auth_password ha_vrrp_auth_type
      ha_vrrp_health_check_interval handle_internal_only_routers host_dvr_for_dhcp http_retries interface_driver
      ipam_driver ipv6_gateway ipv6_pd_enabled keepalived_use_no_track l3_ha l3_ha_net_cidr
      l3_ha_network_physical_name l3_ha_network_type lock_path log_options mac_generation_retries
      max_allowed_address_pair max_dns_nameservers max_header_line max_l3_agents_per_router max_routes
      max_rtr_adv_interval max_subnet_host_routes measure_interval metadata_access_mark metadata_backlog
      metadata_port metadata_proxy_group metadata_proxy_shared_secret metadata_proxy_socket
      metadata_proxy_socket_mode metadata_proxy_user metadata_workers min_l3_agents_per_router min_rtr_adv_interval
      network_auto_schedule network_link_prefix network_scheduler_driver notification_driver notification_topics
      notification_transport_url notify_nova_on_port_data_changes notify_nova_on_port_status_changes
      nova_client_cert nova_client_priv_key nova_metadata_host nova_metadata_insecure nova_metadata_port
      nova_metadata_protocol nova_url num_sync_threads ovs_integration_bridge ovs_use_veth pagination_max_limit
      path_mtu pd_confs pd_dhcp_driver periodic_fuzzy_delay periodic_interval policy_default_rule policy_dirs
      policy_file prefix_delegation_driver ra_confs radvd_user report_interval resync_interval resync_throttle
      retry_until_window router_auto_schedule router_distributed router_scheduler_driver
      rpc_resources_processing_step rpc_state_report_workers rpc_workers run_external_periodic_tasks
      send_events_interval service_plugins setproctitle tcp_keepidle use_ssl vendor_pen vlan_transparent
      wsgi_default_pool_size wsgi_keep_alive wsgi_log_format wsgi_server_debug`,
  },
  {
    why: 'logs are JSON lines on standard output',
    section: 'DEFAULT',
    names: `
      default_log_levels fatal_deprecations instance_format instance_uuid_format log_config log_config_append
      log_date_format log_dir log_file log_format log_rotate_interval log_rotate_interval_type log_rotation_type
      logdir logfile logging_context_format_string logging_debug_format_suffix logging_default_format_string
      logging_exception_prefix logging_user_identity_format max_logfile_count max_logfile_size_mb publish_errors
      rate_limit_burst rate_limit_except_level rate_limit_interval syslog_log_facility use_eventlog use_journal
      use_json use_stderr use_syslog use_syslog_rfc_format verbose watch_log_file`,
  },
  {
    why: 'calls and connections are not pooled here',
    section: 'DEFAULT',
    names: `
      conn_pool_min_size conn_pool_ttl executor_thread_pool_size rpc_conn_pool_size rpc_ping_enabled rpc_response_max_timeout rpc_thread_pool_size`,
  },
  {
    why: 'it is gone from oslo.messaging; transport_url says it all',
    section: 'DEFAULT',
    names:
      'rpc_backend rabbit_host rabbit_port rabbit_hosts rabbit_userid rabbit_password rabbit_virtual_host rabbit_use_ssl',
  },
  {
    why: 'it is gone from oslo.messaging; transport_url says it all',
    section: 'oslo_messaging_rabbit',
    names:
      'rabbit_host rabbit_port rabbit_hosts rabbit_userid rabbit_password rabbit_virtual_host rabbit_max_retries fake_rabbit',
  },
  {
    why: 'it tunes the Python driver',
    section: 'oslo_messaging_rabbit',
    names: `
      ssl_version heartbeat_in_pthread heartbeat_rate kombu_reconnect_delay kombu_reconnect_splay kombu_reconnect_timeout
      kombu_missing_consumer_retry_timeout kombu_failover_strategy direct_mandatory_flag enable_cancel_on_failover
      rpc_conn_pool_size conn_pool_min_size conn_pool_ttl send_single_reply`,
  },
  {
    why: 'nothing is polled here',
    section: 'agent',
    names: 'polling_interval minimize_polling ovsdb_monitor_respawn_interval',
  },
  {
    why: 'we run with the rights we need and no helper',
    section: 'agent',
    names: 'root_helper root_helper_daemon use_helper_for_ns_read',
  },
  {
    why: 'it serves a firewall driver',
    section: 'agent',
    names: 'explicitly_egress_direct comment_iptables_rules debug_iptables_rules use_random_fully',
  },
  { why: 'it serves a firewall driver', section: 'securitygroup', names: 'enable_ipset permitted_ethertypes' },
  {
    why: 'it has no effect here',
    section: 'agent',
    names: `
      quitting_rpc_timeout log_agent_heartbeats veth_mtu agent_type availability_zone check_child_processes_action
      check_child_processes_interval kill_scripts_path prevent_arp_spoofing`,
  },
  {
    why: 'there is no OpenFlow controller: flows go through the management socket of the bridge',
    section: 'ovs',
    names: `
      of_interface of_listen_address of_listen_port of_connect_timeout of_request_timeout of_inactivity_probe
      openflow_processed_per_port`,
  },
  {
    why: 'the integration bridge keeps the multicast settings it has',
    section: 'ovs',
    names: 'igmp_snooping_enable igmp_flood igmp_flood_reports igmp_flood_unregistered',
  },
  {
    why: 'it has no effect here',
    section: 'ovs',
    names: `
      vhostuser_socket_dir ovsdb_debug ovsdb_interface ovsdb_connection_timeout use_veth_interconnection disable_packet_marking
      enable_tunneling tunnel_id_ranges network_vlan_ranges tenant_network_type qos_meter_bandwidth`,
  },
  {
    why: 'it only completes a resource provider inventory',
    section: 'ovs',
    names: `
      resource_provider_hypervisors resource_provider_default_hypervisor resource_provider_inventory_defaults
      resource_provider_packet_processing_inventory_defaults`,
  },
];

/** Sections of which we read nothing, and whose they are. */
const SECTIONS: readonly { readonly why: string; readonly names: string }[] = [
  { why: 'it is for agent extensions', names: 'dhcp local_ip fdb metadata network_log qos' },
  {
    why: 'it is for privileged helpers of the Python agent',
    names: `
      privsep privsep_dhcp_release privsep_ovs_vsctl privsep_namespace privsep_conntrack privsep_link vif_plug_ovs_privileged
      oslo_concurrency`,
  },
  {
    why: 'it is for other Neutron programs',
    names: `
      audit_middleware_notifications cache cli_script cors database designate experimental healthcheck ironic keystone_authtoken
      linux_bridge macvtap ml2 ml2_type_flat ml2_type_geneve ml2_type_gre ml2_type_vlan ml2_type_vxlan ml2_odl nova nova_client octavia
      oslo_messaging_amqp oslo_messaging_kafka oslo_messaging_metrics oslo_messaging_notifications oslo_middleware oslo_policy
      oslo_reports oslo_versionedobjects ovn ovn_nb_global ovn_agent ovs_driver placement profiler quotas sample_remote_file_source
      service_providers sriov_driver sriov_nic ssl vxlan l2pop`,
  },
];

const words = (names: string): string[] => names.trim().split(/\s+/);

const OPTION_REASONS: ReadonlyMap<string, string> = new Map(
  GROUPS.flatMap(({ why, section, names }) => words(names).map((name) => [`${section}.${name}`, why] as const)),
);
const SECTION_REASONS: ReadonlyMap<string, string> = new Map(
  SECTIONS.flatMap(({ why, names }) => words(names).map((name) => [name, why] as const)),
);

/** Why this option is ignored, and whether that holds for its whole section; `undefined`: it is not known to be harmless. */
export function harmless(section: string, name: string): { why: string; wholeSection: boolean } | undefined {
  const ofSection = SECTION_REASONS.get(sectionName(section));
  if (ofSection !== undefined) return { why: ofSection, wholeSection: true };
  const why = OPTION_REASONS.get(`${sectionName(section)}.${optionName(name)}`);
  return why === undefined ? undefined : { why, wholeSection: false };
}
