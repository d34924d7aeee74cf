-- Distinct viewers.  The error is below 2 %, and there is none below some thousand.
-- All edges must have the same openqoe_fleet_key.

SELECT uniqCombined64Merge(14)(v.viewers) AS viewers
FROM openqoe.agg AS v
WHERE time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')}
      AND org_id = {org:String};
